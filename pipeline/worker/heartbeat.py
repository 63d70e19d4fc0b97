"""The heartbeat of an attempt: renews the lease and receives cancel requests."""

import asyncio
import contextlib
import time
from enum import Enum, auto

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db.errors import DATABASE_ERRORS, is_transient
from db.jobs import leases
from db.jobs.leases import Lease
from db.logs import first_line

log = structlog.get_logger()


class StopReason(Enum):
    """Why an attempt must stop before its work is finished."""

    FENCED = auto()
    CANCELED = auto()


class Heartbeat:
    def __init__(
        self,
        lease: Lease,
        sessions: async_sessionmaker[AsyncSession],
        *,
        beat_seconds: float,
        lease_seconds: float,
    ) -> None:
        self._lease, self._sessions = lease, sessions
        self._beat_seconds, self._lease_seconds = beat_seconds, lease_seconds
        self._beat_now = asyncio.Event()

    def beat_now(self) -> None:
        """Beat without waiting for the interval: a cancel request may have been made."""
        self._beat_now.set()

    async def run(self) -> StopReason:
        """Renew the lease until the attempt must stop.

        If no beat has succeeded for `lease_seconds`, the lease counts as lost without an answer.
        """
        renewed_at = time.monotonic()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._beat_now.wait(), self._beat_seconds)
            self._beat_now.clear()
            sent_at = time.monotonic()
            try:
                reason = await self._beat()
            except DATABASE_ERRORS as error:
                if not is_transient(error):
                    raise
                log.warning("heartbeat failed", job_id=str(self._lease.job_id), error=first_line(error))
                if time.monotonic() - renewed_at > self._lease_seconds:
                    return StopReason.FENCED
                continue
            if reason is not None:
                return reason
            renewed_at = sent_at

    async def _beat(self) -> StopReason | None:
        async with asyncio.timeout(self._beat_seconds), self._sessions.begin() as session:
            beat = await leases.beat(session, self._lease, lease_seconds=self._lease_seconds)
        if beat is None:
            return StopReason.FENCED
        return StopReason.CANCELED if beat.cancel_requested else None
