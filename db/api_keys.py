"""API keys. Only their hashes are stored."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import TooManyKeys
from db.keyset import page_of
from db.tables import ApiKey, Scope, User

# `last_used_at` is written again after this time.
USE_SECONDS: Final = 60
# Revoked and expired keys are kept for inspection by the operator.
_ENDED_KEPT_DAYS: Final = 30
_unexpired: Final = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now())
live: Final = (ApiKey.revoked_at.is_(None), _unexpired, User.disabled_at.is_(None))
_use_is_old: Final = or_(
    ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - text(f"interval '{USE_SECONDS} seconds'")
)
# What `KeyFacts.of` reads from a row.
columns: Final = (
    ApiKey.id.label("key_id"),
    ApiKey.user_id.label("key_user_id"),
    ApiKey.scopes.label("key_scopes"),
    ApiKey.expires_at.label("key_expires_at"),
    _use_is_old.label("key_use_is_old"),
)


class KeyFacts(NamedTuple):
    """A key that is valid, and whether its last use was recorded longer than a minute ago."""

    id: UUID
    user_id: UUID
    scopes: frozenset[str]
    expires_at: datetime | None
    use_is_old: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=row["key_id"],
            user_id=row["key_user_id"],
            scopes=frozenset(row["key_scopes"]),
            expires_at=row["key_expires_at"],
            use_is_old=row["key_use_is_old"],
        )


async def create(
    session: AsyncSession,
    *,
    user_id: UUID,
    name: str,
    prefix: str,
    key_hash: str,
    scopes: Iterable[Scope],
    lifetime_days: float | None,
    keys_per_user: int,
) -> ApiKey:
    """A new key. TooManyKeys if the user has as many valid ones already; an advisory lock makes the limit exact."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended('keys ' || :user, 0))")
    await session.execute(lock, {"user": str(user_id)})
    valid = select(func.count()).where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None), _unexpired)
    if (await session.scalar(valid) or 0) >= keys_per_user:
        raise TooManyKeys
    row = ApiKey(
        user_id=user_id,
        name=name,
        prefix=prefix,
        key_hash=key_hash,
        scopes=[scope for scope in Scope if scope in set(scopes)],
        expires_at=None if lifetime_days is None else func.now() + timedelta(days=lifetime_days),
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def find(session: AsyncSession, key_hash: str) -> tuple[KeyFacts, User] | None:
    """The key with this hash and its user, unless it is unknown, revoked or expired, or the account is disabled."""
    statement = select(*columns, User).join(User, User.id == ApiKey.user_id).where(ApiKey.key_hash == key_hash, *live)
    row = (await session.execute(statement)).one_or_none()
    return row and (KeyFacts.of(dict(row._mapping)), row.User)


async def user_of(session: AsyncSession, key_id: UUID, user_id: UUID) -> User | None:
    """The user of this key, unless it was revoked or has expired, or the account is disabled."""
    return await session.scalar(
        select(User).join(ApiKey, ApiKey.user_id == User.id).where(ApiKey.id == key_id, User.id == user_id, *live)
    )


async def live_ids(session: AsyncSession, key_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the keys that are still valid."""
    statement = select(ApiKey.id).join(User, User.id == ApiKey.user_id).where(ApiKey.id.in_(list(key_ids)), *live)
    return set(await session.scalars(statement))


async def page(
    session: AsyncSession, *, user_id: UUID, limit: int, after: UUID | None = None, order: str = "desc"
) -> list[ApiKey]:
    """The keys of the user that were not revoked, the newest first unless `order` is 'asc'.

    One more than `limit` if there are more.
    """
    statement = select(ApiKey).where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
    return list(await session.scalars(page_of(statement, ApiKey.id, limit=limit, after=after, order=order)))


async def revoke(session: AsyncSession, key_id: UUID, *, user_id: UUID) -> ApiKey | None:
    """Revoke a key of the user. None if there is no such key, or if it was revoked already."""
    return await session.scalar(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(ApiKey)
        .execution_options(synchronize_session=False)
    )


async def record_uses(session: AsyncSession, key_ids: Iterable[UUID]) -> None:
    """Set the last use of these keys, of each at most once a minute, however many gateways record it."""
    unlocked = (
        select(ApiKey.id).where(ApiKey.id.in_(list(key_ids)), _use_is_old).with_for_update(skip_locked=True).cte("used")
    )
    await session.execute(
        update(ApiKey)
        .where(ApiKey.id.in_(select(unlocked.c.id)))
        .values(last_used_at=func.now())
        .execution_options(synchronize_session=False)
    )


async def purge(session: AsyncSession, *, limit: int) -> int:
    """Delete keys that ended some time ago, at most `limit`; how many were deleted."""
    old = func.now() - timedelta(days=_ENDED_KEPT_DAYS)
    ended = (
        select(ApiKey.id)
        .where(or_(ApiKey.revoked_at < old, ApiKey.expires_at < old))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    deleted = delete(ApiKey).where(ApiKey.id.in_(select(ended.c.id))).returning(ApiKey.id)
    return len(list(await session.scalars(deleted)))
