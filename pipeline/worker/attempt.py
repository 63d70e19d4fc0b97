"""One attempt at one job: render it under a lease and end the lease exactly once.

The last write of an attempt is fenced by (job, attempt, owner, running). If it matches no row, another worker holds
the job: this attempt then deletes its own objects and reports nothing.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db import stage_rates
from db.errors import StorageError
from db.jobs import leases
from db.logs import first_line
from db.storage.base import Storage
from db.tables import Job
from db.videos import queries as videos
from pipeline.clip import Output, Video
from pipeline.contract.base_clip import BASE_CLIP_FILE, BaseClip
from pipeline.contract.errors import ImageGone, PipelineError, StageLost
from pipeline.contract.source_file import FindSource, SourceFile
from pipeline.contract.spec import Spec, VideoFrame
from pipeline.failpoints import failpoint
from pipeline.flow import Stages, render
from pipeline.settings import PipelineSettings
from pipeline.worker.heartbeat import Heartbeat, StopReason
from pipeline.worker.outcome import classify
from pipeline.worker.progress import Tracker
from pipeline.worker.publisher import ProgressPublisher
from pipeline.worker.retry import backoff, persist

log = structlog.get_logger()
T = TypeVar("T")

# A process that is stopping waits this long for the database; after that its leases expire.
RELEASE_SECONDS: Final = 10.0
ARTIFACT_FIELDS: Final = (
    "kind", "key", "content_type", "width", "height", "fps", "frames", "duration", "size_bytes", "sha256",
)  # fmt: skip


class JobStages(Stages[Any], Protocol):
    """The stages bound to one attempt."""

    @property
    def seconds(self) -> Mapping[str, float]:
        """The working time of each stage so far."""


class Cluster(Protocol):
    """What an attempt needs of the cluster."""

    def open_stages(
        self, job: Job, *, prefix: str, keep: Callable[[BaseClip], Awaitable[None]], find_source: FindSource
    ) -> JobStages:
        """The stages for one attempt. `keep` is called with the base clip once it is stored."""

    async def is_alive(self) -> bool:
        """Whether the cluster still answers. Called after a stage was lost."""


class ClusterLost(Exception):
    """The cluster does not answer. No job is at fault."""


class Attempt:
    def __init__(
        self,
        job: Job,
        *,
        sessions: async_sessionmaker[AsyncSession],
        storage: Storage,
        cluster: Cluster,
        settings: PipelineSettings,
        rates: Mapping[str, float],
    ) -> None:
        """`rates` are the measured seconds per unit of work, of the model, by phase."""
        self.job, self.lease = job, leases.lease_of(job)
        self._sessions, self._storage, self._cluster, self._settings = sessions, storage, cluster, settings
        self._model = str(job.spec.get("model"))
        self._tracker = Tracker(rates)
        self._heartbeat = Heartbeat(
            self.lease, sessions, beat_seconds=settings.beat_seconds, lease_seconds=settings.lease_seconds
        )
        self._publisher = ProgressPublisher(self.lease, self._tracker, sessions, storage)
        self._stages = cluster.open_stages(job, prefix=self.prefix, keep=self._keep_base, find_source=self._find_source)

    @property
    def prefix(self) -> str:
        """The key prefix of this attempt's objects. No other attempt writes there."""
        return f"jobs/{self.lease.job_id}/{self.lease.attempt}"

    def check_cancel(self) -> None:
        """Beat now instead of at the next interval: a cancel request may have been made."""
        self._heartbeat.beat_now()

    async def run(self) -> None:
        """Work until the job is settled. If this is cancelled, or raises ClusterLost, the job is given back."""
        rendering = asyncio.create_task(self._render())
        heartbeat = asyncio.create_task(self._heartbeat.run())
        publishing = asyncio.create_task(self._publisher.run())
        try:
            await asyncio.wait({rendering, heartbeat}, return_when=asyncio.FIRST_COMPLETED)
            if heartbeat.done():
                await cancel_and_wait(rendering, publishing)
                await self._stop(heartbeat.result())
            else:
                await cancel_and_wait(publishing)
                await self._settle(rendering)
        except asyncio.CancelledError:
            await cancel_and_wait(rendering, publishing)
            await self._give_back()
            raise
        finally:
            await cancel_and_wait(rendering, heartbeat, publishing)

    async def _render(self) -> Video:
        await failpoint("after-claim")
        return await render(Spec.from_row(self.job.spec), self._stages, self._tracker)

    async def _settle(self, rendered: "asyncio.Task[Video]") -> None:
        try:
            video = rendered.result()
        except PipelineError as error:
            if isinstance(error, StageLost) and not await self._cluster.is_alive():
                await self._give_back()
                raise ClusterLost from error
            await self._fail(error)
        except Exception as error:  # a defect, or a row of another version: recorded as a failure, not as a lost lease
            log.exception("unexpected error in attempt", job_id=str(self.lease.job_id), attempt=self.lease.attempt)
            await self._fail(error)
        else:
            await self._publish(video)

    async def _publish(self, video: Video) -> None:
        self._tracker.finished(self._stages.seconds)
        finished = self._tracker.progress().model_dump(mode="json") | {"value": 1.0}

        async def write(session: AsyncSession) -> bool:
            await leases.progress(session, self.lease, progress=finished, eta_seconds=0.0)
            published = await leases.publish(
                session,
                self.lease,
                resolved=video.resolved,
                warnings=list(video.warnings),
                artifacts=[artifact_row(output) for output in video.outputs],
            )
            await failpoint("in-publish")
            if not published:
                await session.rollback()  # not published: roll the progress of 100 % back too
            return published

        await failpoint("before-publish")
        published = await self._persist(write)
        await failpoint("after-publish")
        if published or await self._persist(lambda session: leases.outcome(session, self.lease)) == "succeeded":
            await self._learn_rates()
        elif await self._persist(lambda session: leases.cancel(session, self.lease)):
            await self._delete_objects()
        else:
            await self._stop(StopReason.FENCED)

    async def _fail(self, error: Exception) -> None:
        failure = classify(error, already_reduced=self.job.reduced)
        context = {"job_id": str(self.lease.job_id), "attempt": self.lease.attempt, "retry": failure.retry}
        log.warning("attempt failed", **context, **failure.error)
        await failpoint("before-fail")
        await self._persist(
            lambda session: leases.fail(
                session,
                self.lease,
                error=failure.error,
                retry=failure.retry,
                reduced=failure.reduced,
                max_failures=self._settings.max_failures,
                backoff=backoff(self._settings),
            )
        )

    async def _give_back(self) -> None:
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._persist(lambda session: leases.give_back(session, self.lease))
        except TimeoutError:
            log.warning("job not given back: its lease will expire", job_id=str(self.lease.job_id))

    async def _stop(self, reason: StopReason) -> None:
        context = {"job_id": str(self.lease.job_id), "attempt": self.lease.attempt}
        log.info("attempt stopped", reason=reason.name.lower(), **context)
        if reason is StopReason.CANCELED:
            await self._persist(lambda session: leases.cancel(session, self.lease))
        await self._delete_objects()

    async def _delete_objects(self) -> None:
        """Delete this attempt's objects; the garbage collection finds those that are left.

        The base clip stays: a later attempt may have started from it, and a retry may.
        """
        try:
            keys = [stored.key for stored in await self._storage.list(f"{self.prefix}/")]
            await self._storage.delete([key for key in keys if not key.endswith(f"/{BASE_CLIP_FILE}")])
        except (StorageError, OSError) as error:
            log.warning("objects left to the garbage collection", prefix=self.prefix, error=first_line(error))

    async def _keep_base(self, base: BaseClip) -> None:
        row = base.model_dump(mode="json")
        await self._persist(
            lambda session: leases.keep_base(session, self.lease, row, days=self._settings.base_clip_days)
        )
        await failpoint("after-generate")

    async def _find_source(self, frame: VideoFrame) -> SourceFile:
        """The file of the owner's video. It never changes, so a repeated job begins with the same frame."""
        owner_id = self.job.owner_id
        file = await self._persist(lambda session: videos.file(session, frame.video_id, owner_id=owner_id))
        if file is None:
            raise ImageGone
        return SourceFile(key=file.key, sha256=file.sha256)

    async def _learn_rates(self) -> None:
        measured = self._tracker.measured()

        async def write(session: AsyncSession) -> None:
            for phase, rate in measured.items():
                await stage_rates.learn_rate(session, phase, self._model, rate)

        await self._persist(write)
        if folder := self._settings.traces_dir:
            await asyncio.to_thread(self._write_trace, folder)

    def _write_trace(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.lease.job_id}.json").write_text(json.dumps(self._tracker.trace()))

    async def _persist(self, write: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """A fenced write, repeated while the database is unreachable."""
        return await persist(self._sessions, write, job_id=str(self.lease.job_id))


async def cancel_and_wait(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait until they have ended. Their results and errors are discarded."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def artifact_row(output: Output) -> dict[str, Any]:
    return {name: getattr(output, name) for name in ARTIFACT_FIELDS}
