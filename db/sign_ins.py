"""Refresh tokens: who is signed in where.

Only hashes of tokens are stored. Each use of a token rotates it; a token that comes back later than the grace after its
rotation was stolen from one of two holders, and nobody can tell which: the whole family ends.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from db.ids import uuid7
from db.models import Session, User
from db.sweep import BATCH

GRACE_SECONDS = 10


async def open_(
    session: AsyncSession, *, user_id: UUID, refresh_hash: str, lifetime_seconds: float, user_agent: str = ""
) -> Session:
    """A new family with its first token."""
    return await _add(session, user_id, uuid7(), refresh_hash, lifetime_seconds, user_agent)


async def rotate(session: AsyncSession, *, refresh_hash: str, new_hash: str, lifetime_seconds: float) -> Session | None:
    """The next token of the family, or None: unknown, expired, revoked, used before, or of a disabled account.

    A refusal may have revoked the family, so commit after a refusal too.
    """
    now = func.clock_timestamp()  # the row lock may have made us wait
    relative = aliased(Session)
    revoked = exists().where(relative.family_id == Session.family_id, relative.revoked_at.is_not(None))
    found = await session.execute(
        select(
            Session,
            (Session.expires_at > now).label("fresh"),
            (Session.rotated_at > now - timedelta(seconds=GRACE_SECONDS)).label("just_rotated"),
        )
        .join(User, User.id == Session.user_id)
        .where(Session.refresh_hash == refresh_hash, ~revoked, User.disabled_at.is_(None))
        .with_for_update(of=Session)
        .execution_options(populate_existing=True)
    )
    old, fresh, just_rotated = found.one_or_none() or (None, False, None)
    if old is None or not fresh:
        return None
    if old.rotated_at is not None:
        if not just_rotated:
            await _revoke(session, old.family_id)
        return None
    old.rotated_at = now
    return await _add(session, old.user_id, old.family_id, new_hash, lifetime_seconds, old.user_agent)


async def close(session: AsyncSession, refresh_hash: str) -> None:
    """Sign out: the token's whole family ends. An unknown token is no error."""
    family = await session.scalar(select(Session.family_id).where(Session.refresh_hash == refresh_hash))
    if family is not None:
        await _revoke(session, family)


async def purge(session: AsyncSession, *, limit: int = BATCH) -> int:
    """Forget tokens that have expired; how many that was.

    A revoked one stays until its whole family has expired: a token made while the family ended is dead only by it.
    """
    relative = aliased(Session)
    living = exists().where(relative.family_id == Session.family_id, relative.expires_at >= func.now())
    expired = (
        select(Session.id)
        .where(Session.expires_at < func.now(), or_(Session.revoked_at.is_(None), ~living))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return len(list(await session.scalars(delete(Session).where(Session.id.in_(expired)).returning(Session.id))))


async def _add(
    session: AsyncSession, user_id: UUID, family_id: UUID, refresh_hash: str, lifetime_seconds: float, user_agent: str
) -> Session:
    row = Session(
        user_id=user_id,
        family_id=family_id,
        refresh_hash=refresh_hash,
        user_agent=user_agent[:300],
        expires_at=func.now() + timedelta(seconds=lifetime_seconds),
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def _revoke(session: AsyncSession, family_id: UUID) -> None:
    await session.execute(
        update(Session)
        .where(Session.family_id == family_id, Session.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )
