"""One attempt at one job: render it under a lease, say how far it is, and settle it exactly once.

Whatever ends an attempt, its last write is fenced by (job, attempt, owner, running). When that write does not hold,
somebody else has the job: this attempt then removes its own objects and says nothing.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from asyncpg import InternalClientError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db import work
from db.errors import StorageError
from db.models import Job
from db.storage import Storage
from db.work import Lease
from pipeline.clip import Video
from pipeline.errors import INTERNAL, OutOfMemory, PipelineError, StageLost, Unavailable
from pipeline.failpoints import reach
from pipeline.flow import render
from pipeline.progress import Tracker
from pipeline.remote import BASE_NAME, RayStages
from pipeline.settings import PipelineSettings
from pipeline.spec import Spec

log = structlog.get_logger()
T = TypeVar("T")
Sessions = async_sessionmaker[AsyncSession]

DATABASE_TROUBLE: Final = (DBAPIError, InternalClientError, NoConnection, OSError, TimeoutError)
"""What a database that is away, or on its way, raises; see `away`."""
GIVE_BACK_SECONDS: Final = 10.0
"""A process that is asked to end waits no longer for the database: its leases run out by themselves."""
GOING_DOWN_SECONDS: Final = 6.0
TELL_SECONDS: Final = 0.5
"""At most two progress writes a second: more would only be dropped on the way to the screen."""
TELL_ANYWAY_SECONDS: Final = 2.0
"""So often the estimate is refreshed even when nothing else moved."""


class Verdict(Enum):
    """Why an attempt has to stop before its work is done."""

    FENCED = auto()
    CANCELED = auto()


class ClusterLost(Exception):
    """The whole Ray cluster is out of reach: no fault of any job."""


class Attempt:
    def __init__(
        self,
        job: Job,
        lease: Lease,
        *,
        sessions: Sessions,
        storage: Storage,
        handles: Any,
        settings: PipelineSettings,
        rates: dict[tuple[str, str], float],
    ) -> None:
        self.job, self.lease = job, lease
        self._sessions, self._storage, self._settings = sessions, storage, settings
        self._model = str(job.spec.get("model"))
        own = {phase: rate for (phase, model), rate in rates.items() if model == self._model}
        self._tracker = Tracker(own)
        self._beat_now = asyncio.Event()
        self._stages = RayStages(
            handles,
            prefix=self.prefix,
            window=settings.window,
            silence_seconds=settings.stage_silence_seconds,
            keep=self._keep_base,
            base=job.base,
            reduced=job.reduced,
        )

    @property
    def prefix(self) -> str:
        """Where this attempt's objects lie; no other attempt ever writes there."""
        return f"jobs/{self.lease.job_id}/{self.lease.attempt}"

    def look_again(self) -> None:
        """Somebody may have asked for a cancel: ask the database now instead of at the next beat."""
        self._beat_now.set()

    async def run(self) -> None:
        """Work until the job is settled. Cancelling this gives the job back, at no cost to it; so does ClusterLost."""
        render_ = asyncio.create_task(self._render())
        beats = asyncio.create_task(self._beat())
        telling = asyncio.create_task(self._tell())
        telling.add_done_callback(_silent)
        try:
            await asyncio.wait({render_, beats}, return_when=asyncio.FIRST_COMPLETED)
            if beats.done():
                await _stopped(render_, telling)
                await self._stop(beats.result())
            else:
                await _stopped(telling)
                await self._settle(render_)
        except asyncio.CancelledError:
            await _stopped(render_, telling)
            await self._give_back()
            raise
        finally:
            await _stopped(render_, beats, telling)

    async def _render(self) -> Video:
        await reach("after-claim")
        return await render(Spec.model_validate(self.job.spec), self._stages, self._tracker)

    async def _settle(self, rendered: "asyncio.Task[Video]") -> None:
        try:
            video = rendered.result()
        except PipelineError as error:
            if isinstance(error, StageLost) and not await cluster_answers():
                await self._give_back()
                raise ClusterLost from error
            await self._fail(error)
        except Exception as error:  # a mistake of ours, or a row of another version: not the fault of a lost worker
            log.exception("attempt broke", job_id=str(self.lease.job_id), attempt=self.lease.attempt)
            await self._fail(error)
        else:
            await self._publish(video)

    async def _publish(self, video: Video) -> None:
        self._tracker.finished(self._stages.seconds)
        artifacts = [_artifact(output) for output in video.outputs]
        last = self._tracker.progress().model_dump(mode="json") | {"value": 1.0}

        async def write(session: AsyncSession) -> bool:
            await work.progress(session, self.lease, progress=last, eta_seconds=0.0)
            held = await work.publish(
                session, self.lease, resolved=video.resolved, warnings=list(video.warnings), artifacts=artifacts
            )
            await reach("in-publish")
            if not held:
                await session.rollback()  # what did not end well was not done to the end, either
            return held

        await reach("before-publish")
        held = await self._persist(write)
        await reach("after-publish")
        if held or await self._persist(lambda session: work.outcome(session, self.lease)) == "succeeded":
            await self._learn()
        elif await self._persist(lambda session: work.cancel(session, self.lease)):
            await self._drop_objects()
        else:
            await self._stop(Verdict.FENCED)

    async def _fail(self, error: Exception) -> None:
        row = _told(error)
        smaller = isinstance(error, OutOfMemory) and not self.job.reduced
        retry = smaller or isinstance(error, StageLost | Unavailable) or not isinstance(error, PipelineError)
        log.warning("attempt failed", job_id=str(self.lease.job_id), attempt=self.lease.attempt, retry=retry, **row)
        await reach("before-fail")
        await self._persist(lambda session: work.fail(session, self.lease, error=row, retry=retry, reduced=smaller))

    async def _give_back(self) -> None:
        try:
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self._persist(lambda session: work.give_back(session, self.lease))
        except TimeoutError:
            log.warning("not given back: the lease will run out", job_id=str(self.lease.job_id))

    async def _stop(self, verdict: Verdict) -> None:
        log.info("attempt stopped", job_id=str(self.lease.job_id), attempt=self.lease.attempt, why=verdict.name.lower())
        if verdict is Verdict.CANCELED:
            await self._persist(lambda session: work.cancel(session, self.lease))
        await self._drop_objects()

    async def _drop_objects(self) -> None:
        """Best effort: what stays behind has no row and is swept. The base clip is not only ours: a later attempt may
        have begun from it, and a retry may."""
        try:
            keys = [found.key for found in await self._storage.list(f"{self.prefix}/")]
            await self._storage.delete([key for key in keys if not key.endswith(f"/{BASE_NAME}")])
        except (StorageError, OSError) as error:
            log.warning("own objects left to the sweeper", prefix=self.prefix, error=str(error))

    async def _keep_base(self, base: dict[str, Any]) -> None:
        await self._persist(lambda session: work.keep_base(session, self.lease, base))
        await reach("after-generate")

    async def _learn(self) -> None:
        measured = self._tracker.measured()

        async def write(session: AsyncSession) -> None:
            for phase, rate in measured.items():
                await work.learn_rate(session, phase, self._model, rate)

        await self._persist(write)
        if folder := self._settings.traces_dir:
            await asyncio.to_thread(self._record, folder)

    def _record(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.lease.job_id}.json").write_text(json.dumps(self._tracker.trace()))

    async def _beat(self) -> Verdict:
        """Keep the lease alive until the work must stop; a lease that may have run out counts as lost."""
        alive = time.monotonic()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._beat_now.wait(), self._settings.beat_seconds)
            self._beat_now.clear()
            sent = time.monotonic()
            try:
                async with asyncio.timeout(self._settings.beat_seconds), self._sessions.begin() as session:
                    beat = await work.beat(session, self.lease, lease_seconds=self._settings.lease_seconds)
            except DATABASE_TROUBLE as error:
                log.warning("beat failed", job_id=str(self.lease.job_id), error=away(error))
                if time.monotonic() - alive > self._settings.lease_seconds:
                    return Verdict.FENCED
                continue
            if beat is None:
                return Verdict.FENCED
            if beat.cancel_requested:
                return Verdict.CANCELED
            alive = sent

    async def _tell(self) -> None:
        """Write progress as it changes, coalesced. A write that fails is lost: the next one says more."""
        version, told = -1, 0.0
        while True:
            now = time.monotonic()
            if self._tracker.version != version or now - told > TELL_ANYWAY_SECONDS:
                version, told = self._tracker.version, now
                await self._tell_once()
            await asyncio.sleep(TELL_SECONDS)

    async def _tell_once(self) -> None:
        try:
            preview = await self._store_preview()
            async with self._sessions.begin() as session:
                await work.progress(
                    session,
                    self.lease,
                    progress=self._tracker.progress().model_dump(mode="json"),
                    eta_seconds=self._tracker.eta_seconds(),
                    preview_key=preview,
                )
        except (StorageError, *DATABASE_TROUBLE) as error:
            log.warning("progress not written", job_id=str(self.lease.job_id), error=away(error))

    async def _store_preview(self) -> str | None:
        preview, self._tracker.preview = self._tracker.preview, None
        if preview is None:
            return None
        key = f"previews/{self.lease.job_id}.webp"
        await self._storage.put(key, preview, "image/webp")
        return key

    async def _persist(self, write: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Carry a fenced write through a database that is away: the fence makes it safe to try again."""
        pause = 0.1
        while True:
            try:
                async with self._sessions.begin() as session:
                    return await write(session)
            except DATABASE_TROUBLE as error:
                log.warning("database is away", job_id=str(self.lease.job_id), error=away(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)


async def cluster_answers() -> bool:
    """Asked after a moment: a head that is going down takes its replicas along first, and answers to the last."""
    from pipeline.cluster import alive  # late: Ray reads its environment when it is imported

    await asyncio.sleep(GOING_DOWN_SECONDS)
    return await alive()


def _silent(telling: "asyncio.Task[None]") -> None:
    """The job goes on without its progress being told; why, stands in the log."""
    if not telling.cancelled() and (error := telling.exception()):
        log.error("progress is not told any more", exc_info=error)


async def _stopped(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait until they have really ended; what they raise on the way out is of no use any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _artifact(output: Any) -> dict[str, Any]:
    names = ("kind", "key", "content_type", "width", "height", "fps", "frames", "duration", "size_bytes", "sha256")
    return {name: getattr(output, name) for name in names}


def _told(error: Exception) -> dict[str, Any]:
    """What the job's owner is told; of a mistake of ours only that it was one, the rest stands in the log."""
    if not isinstance(error, PipelineError):
        return {"code": INTERNAL, "message": "Something went wrong on our side.", "stage": None}
    return {"code": error.code, "message": str(error), "stage": getattr(error, "stage", None)}


def away(error: BaseException) -> str:
    """One line about a database or a store that is away; a statement that is wrong is no such thing, and is raised."""
    if isinstance(error, ProgrammingError | IntegrityError | DataError):
        raise error
    return str(error).partition("\n")[0][:200]
