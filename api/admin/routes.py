"""Accounts of others and the audit log, for administrators."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.admin import accounts
from api.admin.pages import After, Limit
from api.admin.schemas import (
    AccountChange,
    AccountList,
    AccountView,
    AuditList,
    Invitation,
    InvitationRequest,
    account_list,
    audit_list,
)
from api.auth.dependencies import Admin
from api.auth.problems import RoleRequired
from api.dependencies import ClientAddress, Transaction
from api.problems import documented
from db import audit, users

router = APIRouter(prefix="/api/admin", tags=["administration"])


@router.get("/users", responses=documented(401, 422, RoleRequired))
async def list_users(session: Transaction, _: Admin, limit: Limit = 20, after: After = None) -> AccountList:
    return account_list(await users.page(session, limit=limit, after=after), limit)


@router.patch("/users/{user_id}", responses=documented(400, 401, 404, 413, 415, 422, RoleRequired))
async def change_user(
    session: Transaction, admin: Admin, address: ClientAddress, user_id: UUID, change: AccountChange
) -> AccountView:
    """Change the role of an account, or disable it: its sessions end within seconds."""
    return AccountView.model_validate(await accounts.change_account(session, admin, user_id, change, address))


@router.post("/invitations", status_code=201, responses=documented(400, 401, 413, 415, 422, RoleRequired))
async def invite(session: Transaction, admin: Admin, address: ClientAddress, body: InvitationRequest) -> Invitation:
    """A token with which one account can be created where registration is by invitation."""
    return await accounts.invite(session, admin, body, address)


@router.get("/audit", responses=documented(401, 422, RoleRequired))
async def read_audit_log(
    session: Transaction,
    _: Admin,
    limit: Limit = 20,
    after: After = None,
    action: Annotated[str | None, Query(max_length=64)] = None,
    actor_id: UUID | None = None,
) -> AuditList:
    """The audit log, the newest entries first. It cannot be changed through the API."""
    rows = await audit.page(session, limit=limit, after=after, action=action, actor_id=actor_id)
    return audit_list(rows, limit)
