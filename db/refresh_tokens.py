"""Refresh tokens of login sessions. Only their hashes are stored.

Each use rotates the token. If a rotated token is used again after the grace period, it has two holders, one of which
may be a thief, so the whole session is revoked.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from db import audit, login_sessions
from db.audit import Action
from db.tables import LoginSession, RefreshToken, User

# Two tabs of one browser may use the same token at almost the same time.
GRACE_SECONDS: Final = 10
# The default of the absolute lifetime of a session.
_SESSION_SECONDS: Final = 90 * 86_400
_log = structlog.get_logger(__name__)


async def create_family(
    session: AsyncSession,
    *,
    user_id: UUID,
    refresh_hash: str,
    lifetime_seconds: float,
    session_seconds: float = _SESSION_SECONDS,
    user_agent: str = "",
) -> RefreshToken:
    """A new login session with its first token. No token of it outlives the `session_seconds`."""
    login = await login_sessions.create(
        session, user_id=user_id, lifetime_seconds=session_seconds, user_agent=user_agent
    )
    return await _add(session, login, refresh_hash, lifetime_seconds)


async def rotate(
    session: AsyncSession, *, refresh_hash: str, new_hash: str, lifetime_seconds: float, address: str | None = None
) -> RefreshToken | None:
    """The next token of the session. `address` is the client's, for the audit log.

    None if the token is unknown, expired or used, or if its session or account has ended. None may mean that the
    session was revoked just now, so commit in that case too.
    """
    now = func.clock_timestamp()  # not now(): the row lock may have waited
    found = await session.execute(
        select(
            RefreshToken,
            LoginSession,
            (RefreshToken.expires_at > now).label("fresh"),
            (RefreshToken.rotated_at > now - timedelta(seconds=GRACE_SECONDS)).label("just_rotated"),
        )
        .join(LoginSession, LoginSession.id == RefreshToken.family_id)
        .join(User, User.id == RefreshToken.user_id)
        .where(RefreshToken.refresh_hash == refresh_hash, User.disabled_at.is_(None))
        .where(LoginSession.revoked_at.is_(None), LoginSession.expires_at > now)
        .with_for_update(of=(LoginSession, RefreshToken))
        .execution_options(populate_existing=True)
    )
    old, login, fresh, just_rotated = found.one_or_none() or (None, None, False, None)
    if old is None or login is None or not fresh:
        return None
    if old.rotated_at is not None:
        if not just_rotated:
            _log.warning("refresh token reused", user_id=str(old.user_id), session_id=str(login.id))
            await login_sessions.revoke(session, login.id, user_id=login.user_id)
            await audit.record(
                session,
                action=Action.REFRESH_TOKEN_REUSED,
                actor_id=None,
                target=("user", old.user_id),
                address=address,
                details={"session_id": str(login.id)},
            )
        return None
    old.rotated_at = login.last_used_at = now
    return await _add(session, login, new_hash, lifetime_seconds)


async def revoke_family(session: AsyncSession, refresh_hash: str, *, address: str | None = None) -> None:
    """Sign out: revoke the session of the token. An unknown token is no error."""
    found = select(RefreshToken).where(RefreshToken.refresh_hash == refresh_hash)
    token = await session.scalar(found)
    if token and await login_sessions.revoke(session, token.family_id, user_id=token.user_id):
        target = ("session", token.family_id)
        await audit.record(session, action=Action.SIGN_OUT, actor_id=token.user_id, target=target, address=address)


async def purge(session: AsyncSession, *, limit: int) -> int:
    """Delete expired tokens, at most `limit`; how many were deleted.

    A revoked token stays until its whole family has expired.
    """
    relative = aliased(RefreshToken)
    unexpired = exists().where(relative.family_id == RefreshToken.family_id, relative.expires_at >= func.now())
    expired = (
        select(RefreshToken.id)
        .where(RefreshToken.expires_at < func.now(), or_(RefreshToken.revoked_at.is_(None), ~unexpired))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    return len(
        list(
            await session.scalars(
                delete(RefreshToken).where(RefreshToken.id.in_(select(expired.c.id))).returning(RefreshToken.id)
            )
        )
    )


async def _add(session: AsyncSession, login: LoginSession, refresh_hash: str, lifetime_seconds: float) -> RefreshToken:
    row = RefreshToken(
        user_id=login.user_id,
        family_id=login.id,
        refresh_hash=refresh_hash,
        user_agent=login.user_agent,
        expires_at=func.least(func.now() + timedelta(seconds=lifetime_seconds), login.expires_at),
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row
