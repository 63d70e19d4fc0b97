"""Accounts."""

from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import EmailTaken
from db.ids import uuid7
from db.keyset import page_of
from db.tables import Role, User


async def create(
    session: AsyncSession,
    *,
    email: str,
    password_hash: str,
    display_name: str = "",
    role: Role = Role.USER,
    email_verified: bool = False,
) -> User:
    """A new account. EmailTaken if the address is in use, compared without case."""
    statement = (
        insert(User)
        .values(
            id=uuid7(),
            email=email,
            password_hash=password_hash,
            display_name=display_name,
            role=role,
            email_verified_at=func.now() if email_verified else None,
        )
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


async def set_password(session: AsyncSession, user_id: UUID, password_hash: str) -> None:
    await session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))


async def set_email(session: AsyncSession, user_id: UUID, email: str, *, verified: bool) -> None:
    """EmailTaken if another account has the address. The transaction can go on then."""
    verified_at = func.now() if verified else None
    try:
        async with session.begin_nested():
            await session.execute(
                update(User).where(User.id == user_id).values(email=email, email_verified_at=verified_at)
            )
    except IntegrityError as error:
        raise EmailTaken from error


async def set_role(session: AsyncSession, user_id: UUID, role: Role) -> None:
    await session.execute(update(User).where(User.id == user_id).values(role=role))


async def set_disabled(session: AsyncSession, user_id: UUID, *, disabled: bool) -> None:
    """Ban an account or lift the ban. The first ban's time is kept."""
    moment = func.coalesce(User.disabled_at, func.now()) if disabled else None
    await session.execute(update(User).where(User.id == user_id).values(disabled_at=moment))


async def page(session: AsyncSession, *, limit: int, after: UUID | None = None, role: Role | None = None) -> list[User]:
    """The accounts after `after`, the newest first; one more than `limit` if there are more."""
    statement = page_of(select(User), User.id, limit=limit, after=after)
    if role is not None:
        statement = statement.where(User.role == role)
    return list(await session.scalars(statement))


async def remove(session: AsyncSession, user_id: UUID) -> None:
    """Delete an account with all of its rows. Their objects are then orphans, which the garbage collection deletes."""
    await session.execute(delete(User).where(User.id == user_id))


async def accept_totp_step(session: AsyncSession, user_id: UUID, step: int) -> bool:
    """Record that the code of this time step was used. False if it, or a later one, was used before."""
    statement = (
        update(User)
        .where(User.id == user_id, User.totp_last_step < step)
        .values(totp_last_step=step)
        .returning(User.id)
    )
    return await session.scalar(statement) is not None


async def set_totp(session: AsyncSession, user_id: UUID, *, secret: str | None, enabled: bool = False) -> None:
    """Set the encrypted secret of the second factor; a code is asked for once it is enabled."""
    enabled_at = func.coalesce(User.totp_enabled_at, func.now()) if enabled else None
    await session.execute(update(User).where(User.id == user_id).values(totp_secret=secret, totp_enabled_at=enabled_at))
