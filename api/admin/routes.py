"""Accounts of others, for administrators."""

from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query

from api.admin.schemas import (
    AccountChange,
    AccountList,
    AccountView,
    Invitation,
    InvitationRequest,
    account_list,
)
from api.auth.dependencies import Admin
from api.auth.tokens import new_token, token_hash
from api.dependencies import Transaction
from api.problems import NotFound, documented
from db import login_sessions, one_time_tokens, users
from db.tables import Purpose

INVITATION_SECONDS = 7 * 86_400

router = APIRouter(prefix="/api/admin", tags=["administration"])
log = structlog.get_logger("api.admin")


@router.get("/users", responses=documented(401, 403, 422))
async def list_users(
    session: Transaction,
    _: Admin,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[UUID | None, Query(description="the last_id of the previous page")] = None,
) -> AccountList:
    return account_list(await users.page(session, limit=limit, after=after), limit)


@router.patch("/users/{user_id}", responses=documented(400, 401, 403, 404, 413, 415, 422))
async def change_user(session: Transaction, admin: Admin, user_id: UUID, change: AccountChange) -> AccountView:
    """Change the role of an account, or disable it: its sessions end within seconds."""
    user = await users.get(session, user_id)
    if user is None:
        raise NotFound
    if change.role is not None:
        await users.set_role(session, user_id, change.role)
    if change.disabled is not None:
        await users.set_disabled(session, user_id, disabled=change.disabled)
        await login_sessions.revoke_all(session, user_id)
    await session.refresh(user)
    log.info("account changed", user_id=str(user_id), by=str(admin.id), role=user.role, disabled=change.disabled)
    return AccountView.model_validate(user)


@router.post("/invitations", status_code=201, responses=documented(400, 401, 403, 413, 415, 422))
async def invite(session: Transaction, admin: Admin, body: InvitationRequest) -> Invitation:
    """A token with which one account can be created where registration is by invitation."""
    token = new_token()
    row = await one_time_tokens.create(
        session,
        purpose=Purpose.INVITATION,
        token_hash=token_hash(token),
        lifetime_seconds=INVITATION_SECONDS,
        data={"role": body.role},
    )
    log.info("invitation created", by=str(admin.id), role=body.role)
    return Invitation(invitation=token, expires_at=row.expires_at)
