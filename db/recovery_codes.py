"""Recovery codes of the second factor."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from db.tables import RecoveryCode


async def replace(session: AsyncSession, user_id: UUID, code_hashes: Iterable[str]) -> None:
    """Delete the user's codes and add these."""
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    session.add_all(RecoveryCode(user_id=user_id, code_hash=code_hash) for code_hash in code_hashes)
    await session.flush()


async def redeem(session: AsyncSession, user_id: UUID, code_hash: str) -> bool:
    """Use a code up. False if it is unknown or was used before."""
    used = delete(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == code_hash)
    return await session.scalar(used.returning(RecoveryCode.code_hash)) is not None
