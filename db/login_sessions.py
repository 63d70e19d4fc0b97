"""Login sessions: what an access token and a refresh token are valid within. Revoking one ends both."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, exists, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.tables import LoginSession, RefreshToken, User

# A revoked session has the same effect as a missing one. It is kept for inspection by the operator.
_REVOKED_KEPT_DAYS: Final = 1
live: Final = (LoginSession.revoked_at.is_(None), LoginSession.expires_at > func.now(), User.disabled_at.is_(None))


async def create(
    session: AsyncSession, *, user_id: UUID, lifetime_seconds: float, user_agent: str = ""
) -> LoginSession:
    """A new session, which ends after its lifetime however often it is refreshed."""
    row = LoginSession(
        user_id=user_id,
        user_agent=user_agent[:300],
        expires_at=func.now() + timedelta(seconds=lifetime_seconds),
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def user_of(session: AsyncSession, session_id: UUID, user_id: UUID) -> User | None:
    """The user of this session, unless it was revoked or has expired, or the account is disabled."""
    return await session.scalar(
        select(User)
        .join(LoginSession, LoginSession.user_id == User.id)
        .where(LoginSession.id == session_id, User.id == user_id, *live)
    )


async def live_ids(session: AsyncSession, session_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the sessions that are still valid."""
    found = await session.scalars(
        select(LoginSession.id)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.id.in_(list(session_ids)), *live)
    )
    return set(found)


async def of_user(
    session: AsyncSession, user_id: UUID, *, limit: int | None = None, after: UUID | None = None
) -> list[LoginSession]:
    """The sessions in which the user is signed in, the most recently used first.

    With a limit those after `after`, and one more if there are more.
    """
    refreshable = exists().where(
        RefreshToken.family_id == LoginSession.id,
        RefreshToken.rotated_at.is_(None),
        RefreshToken.expires_at > func.now(),
    )
    statement = (
        select(LoginSession)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.user_id == user_id, refreshable, *live)
    )
    if after is not None:
        last = select(LoginSession.last_used_at, LoginSession.id).where(LoginSession.id == after)
        statement = statement.where(tuple_(LoginSession.last_used_at, LoginSession.id) < last.scalar_subquery())
    statement = statement.order_by(LoginSession.last_used_at.desc(), LoginSession.id.desc())
    return list(await session.scalars(statement.limit(None if limit is None else limit + 1)))


async def revoke(session: AsyncSession, session_id: UUID, *, user_id: UUID) -> bool:
    """End one session of the user. False if there is no such session, or if it has ended already."""
    return bool(await _revoke(session, user_id, LoginSession.id == session_id))


async def revoke_all(session: AsyncSession, user_id: UUID, *, keep: UUID | None = None) -> int:
    """End all sessions of the user, except for `keep`; how many there were."""
    return await _revoke(session, user_id, *(() if keep is None else (LoginSession.id != keep,)))


async def purge(session: AsyncSession, *, limit: int) -> int:
    """Delete ended sessions together with their refresh tokens, at most `limit`; how many were deleted."""
    ended = (
        select(LoginSession.id)
        .where(
            or_(
                LoginSession.expires_at < func.now(),
                LoginSession.revoked_at < func.now() - timedelta(days=_REVOKED_KEPT_DAYS),
            )
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    deleted = delete(LoginSession).where(LoginSession.id.in_(select(ended.c.id))).returning(LoginSession.id)
    return len(list(await session.scalars(deleted)))


async def _revoke(session: AsyncSession, user_id: UUID, *conditions: object) -> int:
    """Both tables: a gateway of the previous release reads only the refresh tokens."""
    revoked = await session.scalars(
        update(LoginSession)
        .where(LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None), *conditions)  # type: ignore[arg-type]
        .values(revoked_at=func.now())
        .returning(LoginSession.id)
        .execution_options(synchronize_session=False)
    )
    ids = list(revoked)
    await session.execute(
        update(RefreshToken)
        .where(RefreshToken.family_id.in_(ids), RefreshToken.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .execution_options(synchronize_session=False)
    )
    return len(ids)
