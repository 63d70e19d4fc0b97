"""Writes the progress and the previews of an attempt as they change."""

import asyncio
import time
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db.errors import DATABASE_ERRORS, StorageError, is_transient
from db.jobs import leases
from db.jobs.leases import Lease
from db.logs import first_line
from db.storage.base import Storage
from pipeline.worker.progress import Tracker

log = structlog.get_logger()

# At most two progress writes per second: readers are sent no more than that.
PUBLISH_SECONDS: Final = 0.5
# The estimate is refreshed at this interval even if nothing else changed.
REFRESH_SECONDS: Final = 2.0


class ProgressPublisher:
    def __init__(
        self, lease: Lease, tracker: Tracker, sessions: async_sessionmaker[AsyncSession], storage: Storage
    ) -> None:
        self._lease, self._tracker, self._sessions, self._storage = lease, tracker, sessions, storage

    async def run(self) -> None:
        """Publish until cancelled. The job continues if this ends with an error, which is logged."""
        try:
            await self._run()
        except Exception as error:  # progress is informative: a defect here must not fail the job
            log.error("progress is no longer published", job_id=str(self._lease.job_id), exc_info=error)

    async def _run(self) -> None:
        version, published_at = -1, 0.0
        while True:
            now = time.monotonic()
            if self._tracker.version != version or now - published_at > REFRESH_SECONDS:
                version, published_at = self._tracker.version, now
                await self._publish_progress()
            await asyncio.sleep(PUBLISH_SECONDS)

    async def _publish_progress(self) -> None:
        """One write. A failed write is not repeated: the next one carries newer values."""
        try:
            preview_key = await self._store_preview()
            async with self._sessions.begin() as session:
                await leases.progress(
                    session,
                    self._lease,
                    progress=self._tracker.progress().model_dump(mode="json"),
                    eta_seconds=self._tracker.eta_seconds(),
                    preview_key=preview_key,
                )
        except (StorageError, *DATABASE_ERRORS) as error:
            if not isinstance(error, StorageError) and not is_transient(error):
                raise
            log.warning("progress not written", job_id=str(self._lease.job_id), error=first_line(error))

    async def _store_preview(self) -> str | None:
        preview, self._tracker.preview = self._tracker.preview, None
        if preview is None:
            return None
        key = f"previews/{self._lease.job_id}.webp"
        await self._storage.put(key, preview, "image/webp")
        return key
