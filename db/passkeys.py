"""Passkeys of accounts."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.ids import uuid7
from db.tables import Passkey, User


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A verified credential; see `Passkey`."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    backed_up: bool
    name: str


async def add(session: AsyncSession, user_id: UUID, new: NewPasskey) -> Passkey | None:
    """None if the credential belongs to an account already."""
    statement = (
        insert(Passkey)
        .values(
            id=uuid7(),
            user_id=user_id,
            credential_id=new.credential_id,
            public_key=new.public_key,
            sign_count=new.sign_count,
            transports=new.transports,
            backed_up=new.backed_up,
            name=new.name,
        )
        .on_conflict_do_nothing()
        .returning(Passkey)
    )
    return await session.scalar(statement)


async def of_user(session: AsyncSession, user_id: UUID) -> list[Passkey]:
    """The oldest first."""
    return list(await session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)))


async def by_credential(session: AsyncSession, credential_id: bytes) -> tuple[Passkey, User] | None:
    """A passkey, locked until the end of the transaction, with its account. Two uses compare one count in turn."""
    found = await session.execute(
        select(Passkey, User)
        .join(User, User.id == Passkey.user_id)
        .where(Passkey.credential_id == credential_id)
        .with_for_update(of=Passkey)
        .execution_options(populate_existing=True)
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


async def record_use(session: AsyncSession, passkey: Passkey, *, sign_count: int, backed_up: bool) -> None:
    values = {"sign_count": sign_count, "backed_up": backed_up, "last_used_at": func.now()}
    await session.execute(update(Passkey).where(Passkey.id == passkey.id).values(**values))


async def rename(session: AsyncSession, passkey_id: UUID, *, user_id: UUID, name: str) -> Passkey | None:
    return await session.scalar(
        update(Passkey)
        .where(Passkey.id == passkey_id, Passkey.user_id == user_id)
        .values(name=name)
        .returning(Passkey)
        .execution_options(populate_existing=True)
    )


async def remove(session: AsyncSession, passkey_id: UUID, *, user_id: UUID) -> bool:
    """False if the user has no such passkey."""
    statement = delete(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user_id).returning(Passkey.id)
    return await session.scalar(statement) is not None
