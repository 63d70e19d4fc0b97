"""Refresh tokens of signed-in browsers. Only their hashes are stored.

Each use rotates the token. If a rotated token is used again after the grace period, it has two holders, one of which
may be a thief, so the whole family is revoked.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from db.ids import uuid7
from db.tables import RefreshToken, User

# Two tabs of one browser may use the same token at almost the same time.
GRACE_SECONDS: Final = 10


async def create_family(
    session: AsyncSession, *, user_id: UUID, refresh_hash: str, lifetime_seconds: float, user_agent: str = ""
) -> RefreshToken:
    """A new family with its first token."""
    return await _add(session, user_id, uuid7(), refresh_hash, lifetime_seconds, user_agent)


async def rotate(
    session: AsyncSession, *, refresh_hash: str, new_hash: str, lifetime_seconds: float
) -> RefreshToken | None:
    """The next token of the family; None if the token is unknown, expired, revoked, used, or its account is disabled.

    None may mean that the family was revoked just now, so commit in that case too.
    """
    now = func.clock_timestamp()  # not now(): the row lock may have waited
    relative = aliased(RefreshToken)
    revoked = exists().where(relative.family_id == RefreshToken.family_id, relative.revoked_at.is_not(None))
    found = await session.execute(
        select(
            RefreshToken,
            (RefreshToken.expires_at > now).label("fresh"),
            (RefreshToken.rotated_at > now - timedelta(seconds=GRACE_SECONDS)).label("just_rotated"),
        )
        .join(User, User.id == RefreshToken.user_id)
        .where(RefreshToken.refresh_hash == refresh_hash, ~revoked, User.disabled_at.is_(None))
        .with_for_update(of=RefreshToken)
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


async def revoke_family(session: AsyncSession, refresh_hash: str) -> None:
    """Sign out: revoke the family of the token. An unknown token is no error."""
    family = await session.scalar(select(RefreshToken.family_id).where(RefreshToken.refresh_hash == refresh_hash))
    if family is not None:
        await _revoke(session, family)


async def purge(session: AsyncSession, *, limit: int) -> int:
    """Delete expired tokens, at most `limit`; how many were deleted.

    A revoked token stays until its whole family has expired. A token that was created while the family was being
    revoked has no `revoked_at` of its own and is refused only because of the others.
    """
    relative = aliased(RefreshToken)
    unexpired = exists().where(relative.family_id == RefreshToken.family_id, relative.expires_at >= func.now())
    expired = (
        select(RefreshToken.id)
        .where(RefreshToken.expires_at < func.now(), or_(RefreshToken.revoked_at.is_(None), ~unexpired))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return len(
        list(await session.scalars(delete(RefreshToken).where(RefreshToken.id.in_(expired)).returning(RefreshToken.id)))
    )


async def _add(
    session: AsyncSession, user_id: UUID, family_id: UUID, refresh_hash: str, lifetime_seconds: float, user_agent: str
) -> RefreshToken:
    row = RefreshToken(
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
        update(RefreshToken)
        .where(RefreshToken.family_id == family_id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )
