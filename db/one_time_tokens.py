"""Random tokens that are valid once: socket tickets, links in mails, invitations. Only their hashes are stored."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.tables import OneTimeToken, Purpose


async def create(
    session: AsyncSession,
    *,
    purpose: Purpose,
    token_hash: str,
    lifetime_seconds: float,
    user_id: UUID | None = None,
    data: dict[str, Any] | None = None,
) -> OneTimeToken:
    row = OneTimeToken(
        purpose=purpose,
        token_hash=token_hash,
        user_id=user_id,
        data=data or {},
        expires_at=func.now() + timedelta(seconds=lifetime_seconds),
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def redeem(session: AsyncSession, *, purpose: Purpose, token_hash: str) -> OneTimeToken | None:
    """The token, deleted; None if it is unknown, expired, used, or for another purpose.

    Of two transactions that redeem it at once, one waits for the other and gets None, unless the other rolls back.
    """
    return await session.scalar(
        delete(OneTimeToken)
        .where(
            OneTimeToken.token_hash == token_hash,
            OneTimeToken.purpose == purpose,
            OneTimeToken.expires_at > func.clock_timestamp(),
        )
        .returning(OneTimeToken)
    )


async def revoke_all(session: AsyncSession, user_id: UUID, purpose: Purpose) -> None:
    """Delete the user's unused tokens for this purpose."""
    await session.execute(delete(OneTimeToken).where(OneTimeToken.user_id == user_id, OneTimeToken.purpose == purpose))


async def purge(session: AsyncSession, *, limit: int) -> int:
    """Delete expired tokens, at most `limit`; how many were deleted."""
    expired = (
        select(OneTimeToken.token_hash)
        .where(OneTimeToken.expires_at < func.now())
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    statement = (
        delete(OneTimeToken)
        .where(OneTimeToken.token_hash.in_(select(expired.c.token_hash)))
        .returning(OneTimeToken.token_hash)
    )
    return len(list(await session.scalars(statement)))
