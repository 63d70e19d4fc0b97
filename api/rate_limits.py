"""Rate limits that all gateways share, in PostgreSQL.

They fail closed: while the database is unreachable, a limited request is answered with 503. What the limits protect is
in the same database, so there is nothing to gain from answering.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import structlog
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.requests import HTTPConnection

from api.problems import TooManyRequests
from db import rate_limits
from db.rate_limits import Bucket, Refusal

# A bucket that was found empty is refused without a query until it has a token, but for this long at most: another
# request may put a token back.
REFUSED_SECONDS = 1.0
# Bounds the memory of the refusals.
MAX_REFUSED = 10_000
log = structlog.get_logger("api")


class RateLimits:
    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._refused_until: dict[str, float] = {}

    async def try_take(self, *buckets: Bucket) -> Refusal | None:
        """Take a token from each of the buckets, or from none. Committed at once, whatever becomes of the request."""
        if refusal := self._known_refusal(buckets):
            return refusal
        async with self._sessions.begin() as session:
            refusal = await rate_limits.take(session, *buckets)
        if refusal:
            self._remember(refusal)
        return refusal

    async def take(self, *buckets: Bucket) -> None:
        """As `try_take`, but raises TooManyRequests."""
        if refusal := await self.try_take(*buckets):
            raise refused(refusal)

    async def put_back(self, *buckets: Bucket) -> None:
        async with self._sessions.begin() as session:
            await rate_limits.put_back(session, *buckets)
        for bucket in buckets:
            self._refused_until.pop(bucket.key, None)

    @asynccontextmanager
    async def limit_failures(self, failure: type[Exception], *buckets: Bucket) -> AsyncIterator[None]:
        """Take the tokens for the block, and put them back unless the block raises `failure`.

        Taking the tokens first bounds concurrent attempts too.
        """
        await self.take(*buckets)
        failed = False
        try:
            yield
        except failure:
            failed = True
            raise
        finally:
            if not failed:
                await self.put_back(*buckets)

    def _known_refusal(self, buckets: tuple[Bucket, ...]) -> Refusal | None:
        now = time.monotonic()
        empty = tuple(bucket for bucket in buckets if self._refused_until.get(bucket.key, 0) > now)
        wait = max((self._refused_until[bucket.key] - now for bucket in empty), default=0.0)
        return Refusal(empty, wait) if empty else None

    def _remember(self, refusal: Refusal) -> None:
        if len(self._refused_until) > MAX_REFUSED:
            self._refused_until.clear()
        until = time.monotonic() + min(refusal.retry_after, REFUSED_SECONDS)
        self._refused_until |= {bucket.key: until for bucket in refusal.buckets}


def refused(refusal: Refusal) -> TooManyRequests:
    """The problem for a refusal, which is logged."""
    names = sorted({bucket.name for bucket in refusal.buckets})
    log.warning("rate limited", limits=names, retry_after=round(refusal.retry_after, 1))
    return TooManyRequests(f"rate limit: {', '.join(names)}", retry_after=refusal.retry_after + 0.5)


async def take_in_transaction(session: AsyncSession, *buckets: Bucket) -> None:
    """Take tokens in the transaction of the request, for requests that hold a connection already.

    A request that fails has taken none.
    """
    if refusal := await rate_limits.take(session, *buckets):
        raise refused(refusal)


def get_rate_limits(connection: HTTPConnection) -> RateLimits:
    limits: RateLimits = connection.app.state.auth.rate_limits
    return limits


RateLimitsDep = Annotated[RateLimits, Depends(get_rate_limits)]
