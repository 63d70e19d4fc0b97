"""Counts the views of shares, in memory, and writes them in batches: a view costs no statement and no row lock.

A visitor counts once in ten minutes at each gateway. A gateway that is killed loses the views of the last seconds.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.networks import network_of
from db import shares
from db.errors import is_transient

FLUSH_SECONDS: Final = 5.0
VISIT_SECONDS: Final = 600.0
# Bounds the memory, to about 20 MB; beyond, the oldest visit is forgotten and may count again.
MAX_VISITS: Final = 100_000
# Shares with unwritten views while the database is unreachable.
MAX_UNWRITTEN: Final = 10_000
log = structlog.get_logger("api.shares")


class ShareViews:
    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        # By share and network of the visitor, the oldest first: when the visit began.
        self._visits: OrderedDict[tuple[UUID, str], float] = OrderedDict()
        self._unwritten: Counter[UUID] = Counter()

    def count(self, share_id: UUID, host: str) -> None:
        """Count a view, unless the visitor has viewed the share in the last minutes."""
        now = time.monotonic()
        self._forget(now)
        visit = (share_id, network_of(host))
        if visit in self._visits:
            return
        self._visits[visit] = now
        if share_id in self._unwritten or len(self._unwritten) < MAX_UNWRITTEN:
            self._unwritten[share_id] += 1

    def _forget(self, now: float) -> None:
        while self._visits:
            oldest = next(iter(self._visits))
            if len(self._visits) < MAX_VISITS and now - self._visits[oldest] < VISIT_SECONDS:
                return
            del self._visits[oldest]

    async def run(self) -> None:
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await self._try_flush()
        finally:
            await self._try_flush()

    async def _try_flush(self) -> None:
        try:
            await self.flush()
        except Exception as error:  # outermost loop of the process
            log.warning(
                "views of shares could not be written, retrying",
                error=type(error).__name__,
                exc_info=not is_transient(error),
            )

    async def flush(self) -> None:
        """Write the views. If that fails they are kept for the next time."""
        if not self._unwritten:
            return
        views, self._unwritten = self._unwritten, Counter()
        try:
            async with self._sessions.begin() as session:
                await shares.add_views(session, views)
        except BaseException:  # whatever it is, the views wait for the next flush; the last is at the end
            self._unwritten.update(views)
            raise
