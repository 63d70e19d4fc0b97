"""Token buckets that all gateways share: one statement per check.

A bucket is stored as the moment at which it will be full again. Taking a token moves that moment by the time that one
token takes to refill; the token is refused if the bucket would be emptier than empty. A full bucket has no row.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of `capacity` tokens, which an empty one regains in `seconds`. It is one row per name and subject."""

    name: str
    subject: str
    capacity: float
    seconds: float = 60

    @property
    def key(self) -> str:
        """The subject is hashed, since it may be an e-mail address, and of any length."""
        return f"{self.name}:{hashlib.sha256(self.subject.encode('utf-8', 'replace')).hexdigest()[:32]}"

    @property
    def token_seconds(self) -> float:
        return self.seconds / self.capacity


@dataclass(frozen=True, slots=True)
class Refusal:
    """The empty buckets, and the seconds until each of them has a token."""

    buckets: tuple[Bucket, ...]
    retry_after: float


async def take(session: AsyncSession, *buckets: Bucket) -> Refusal | None:
    """Take a token from each of the buckets, or from none of them if one is empty.

    The rows are locked in the order of their keys, until the commit.
    """
    by_key = {bucket.key: bucket for bucket in buckets}
    taken = set(await session.scalars(text(_TAKE), _columns(buckets)))
    if len(taken) == len(by_key):
        return None
    empty = [bucket for key, bucket in by_key.items() if key not in taken]
    await put_back(session, *(by_key[key] for key in taken))
    wait = await session.scalar(text(_WAIT), {"keys": [bucket.key for bucket in empty]})
    return Refusal(tuple(empty), max(float(wait or 0), 0.0))


async def put_back(session: AsyncSession, *buckets: Bucket) -> None:
    """Undo `take`."""
    if buckets:
        await session.execute(text(_PUT_BACK), {"keys": sorted(bucket.key for bucket in buckets)})


async def purge(session: AsyncSession, *, limit: int) -> int:
    """Delete the rows of full buckets, at most `limit`; how many were deleted."""
    return len(list(await session.scalars(text(_PURGE), {"limit": limit})))


def _columns(buckets: Sequence[Bucket]) -> dict[str, list[str] | list[float]]:
    return {
        "keys": [bucket.key for bucket in buckets],
        "token_seconds": [bucket.token_seconds for bucket in buckets],
        "capacities": [bucket.capacity for bucket in buckets],
    }


_TAKE: Final = """
    INSERT INTO rate_limits AS bucket (key, full_at, token_seconds, capacity)
    SELECT DISTINCT ON (key) key, clock_timestamp() + make_interval(secs => token_seconds), token_seconds, capacity
    FROM unnest(CAST(:keys AS text[]), CAST(:token_seconds AS float8[]), CAST(:capacities AS float8[]))
        AS wanted(key, token_seconds, capacity)
    ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
        full_at = greatest(bucket.full_at, clock_timestamp()) + make_interval(secs => EXCLUDED.token_seconds),
        token_seconds = EXCLUDED.token_seconds, capacity = EXCLUDED.capacity
    WHERE bucket.full_at
        <= clock_timestamp() + make_interval(secs => EXCLUDED.token_seconds * (EXCLUDED.capacity - 1))
    RETURNING key
"""
_PUT_BACK: Final = """
    WITH locked AS (
        SELECT key FROM rate_limits WHERE key = ANY(CAST(:keys AS text[])) ORDER BY key FOR UPDATE
    )
    UPDATE rate_limits SET full_at = full_at - make_interval(secs => token_seconds)
    FROM locked WHERE rate_limits.key = locked.key
"""
_WAIT: Final = """
    SELECT max(extract(epoch FROM full_at - clock_timestamp()) - token_seconds * (capacity - 1))::float8
    FROM rate_limits WHERE key = ANY(CAST(:keys AS text[]))
"""
_PURGE: Final = """
    WITH batch AS (
        SELECT key FROM rate_limits WHERE full_at < clock_timestamp() LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    DELETE FROM rate_limits USING batch WHERE rate_limits.key = batch.key RETURNING rate_limits.key
"""
