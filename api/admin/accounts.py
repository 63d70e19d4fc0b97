"""Changes of accounts by an administrator, with their entries in the audit log."""

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from api.admin.schemas import AccountChange, Invitation, InvitationRequest
from api.auth.tokens import new_token, token_hash
from api.problems import NotFound
from db import audit, login_sessions, one_time_tokens, users
from db.audit import Action
from db.tables import Purpose, User

INVITATION_SECONDS = 7 * 86_400
log = structlog.get_logger("api.admin")


async def change_account(
    session: AsyncSession, admin: User, user_id: UUID, change: AccountChange, address: str
) -> User:
    """Change the role, or disable or enable the account. Raises NotFound."""
    user = await users.get(session, user_id)
    if user is None:
        raise NotFound
    by: dict[str, Any] = {"actor_id": admin.id, "target": ("user", user_id), "address": address}
    if change.role is not None and change.role != user.role:
        details: dict[str, Any] = {"from": user.role, "to": change.role}
        await users.set_role(session, user_id, change.role)
        await audit.record(session, action=Action.ROLE_CHANGED, details=details, **by)
    if change.disabled is not None:
        await users.set_disabled(session, user_id, disabled=change.disabled)
        details = {"ended_sessions": await login_sessions.revoke_all(session, user_id)}
        action = Action.ACCOUNT_DISABLED if change.disabled else Action.ACCOUNT_ENABLED
        await audit.record(session, action=action, details=details, **by)
    await session.refresh(user)
    log.info("account changed", user_id=str(user_id), by=str(admin.id), role=user.role, disabled=change.disabled)
    return user


async def invite(session: AsyncSession, admin: User, body: InvitationRequest, address: str) -> Invitation:
    token = new_token()
    row = await one_time_tokens.create(
        session,
        purpose=Purpose.INVITATION,
        token_hash=token_hash(token),
        lifetime_seconds=INVITATION_SECONDS,
        data={"role": body.role},
    )
    details = {"role": body.role}
    await audit.record(session, action=Action.INVITATION_CREATED, actor_id=admin.id, address=address, details=details)
    log.info("invitation created", by=str(admin.id), role=body.role)
    return Invitation(invitation=token, expires_at=row.expires_at)
