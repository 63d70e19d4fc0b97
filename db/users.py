"""Accounts."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import EmailTaken
from db.ids import uuid7
from db.tables import User


async def create(session: AsyncSession, *, email: str, password_hash: str) -> User:
    """A new account. EmailTaken if the address is in use, compared without case."""
    statement = (
        insert(User)
        .values(id=uuid7(), email=email, password_hash=password_hash)
        .on_conflict_do_nothing()
        .returning(User)
    )
    user = await session.scalar(statement)
    if user is None:
        raise EmailTaken
    return user


async def by_email(session: AsyncSession, email: str) -> User | None:
    return await session.scalar(select(User).where(func.lower(User.email) == func.lower(email)))


async def get(session: AsyncSession, user_id: UUID) -> User | None:
    return await session.get(User, user_id)
