"""In-process stages for the tests of the worker: no Ray, a real PostgreSQL and a real object store."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from db.jobs import leases
from db.jobs import queries as jobs
from db.jobs.quotas import Quotas
from db.storage.local import LocalStorage
from db.tables import Job
from pipeline.clip import EncodedSpan, Output, Video
from pipeline.contract.base_clip import BaseClip
from pipeline.contract.plan import Plan, Span
from pipeline.contract.source_file import FindSource, SourceFile
from pipeline.contract.spec import Spec
from pipeline.flow import ProgressListener
from pipeline.settings import PipelineSettings
from pipeline.worker.attempt import Attempt
from tests.conftest import MakeUser, Sessions
from tests.pipeline.contract.test_plan import create_plan as plan

SETTINGS = PipelineSettings(
    _env_file=None,
    lease_seconds=3,
    beat_seconds=0.1,
    poll_seconds=0.1,
    rescue_seconds=0.1,
    sweep_seconds=3600,
    retry_pause_seconds=0.01,
    retry_max_pause_seconds=0.02,
)
SPEC = {"prompt": "a red circle", "width": 64, "height": 64, "fps": 8, "duration_seconds": 2.0, "model": "tiny"}


@dataclass
class Stages:
    """The stages of one attempt: `generate` waits for `cluster.release`, then raises the next of `cluster.errors`."""

    cluster: "InProcessCluster"
    job: Job
    prefix: str
    keep: Callable[[BaseClip], Awaitable[None]]
    find_source: FindSource
    window: int = 2
    seconds: Counter[str] = field(default_factory=Counter)

    async def preprocess(self, spec: Spec) -> Plan:
        self.cluster.specs.append(spec)
        if spec.image_from:
            self.cluster.sources.append(await self.find_source(spec.image_from))
        return plan(frames=16, fps=8, upscale=1)

    async def generate(self, plan: Plan, listener: ProgressListener) -> str:
        listener.generated(0, 4)
        listener.generated(2, 4, b"a preview")
        self.cluster.started.set()
        try:
            await self.cluster.release.wait()
        except asyncio.CancelledError:
            self.cluster.cancelled += 1
            raise
        if self.cluster.errors:
            raise self.cluster.errors.pop(0)
        key = f"{self.prefix}/base.mkv"
        await self.cluster.storage.put(key, b"base", "video/x-matroska")
        await self.keep(
            BaseClip(
                key=key, content_type="video/x-matroska", sha256=sha256(b"base").hexdigest(), size_bytes=4,
                width=64, height=64, frames=16, fps=8, plan=plan.model_dump(mode="json"),
            )
        )  # fmt: skip
        listener.generated(4, 4)
        return "base"

    def interpolate(self, base: str, plan: Plan, span: Span) -> str:
        return base

    def select(self, base: str, plan: Plan, span: Span) -> str:
        return base

    def upscale(self, frames: str, plan: Plan) -> str:
        return frames

    async def encode(self, frames: str, plan: Plan, span: Span) -> EncodedSpan:
        return EncodedSpan(span.index, b"frames", len(span))

    async def assemble(self, spans: Sequence[EncodedSpan], plan: Plan) -> Video:
        output = Output("video", "video/mp4", b"a video", 64, 64, 8, 16, 2.0)
        key = f"{self.prefix}/video.mp4"
        await self.cluster.storage.put(key, output.data, "video/mp4")
        if self.cluster.before_publish:
            await self.cluster.before_publish()
        self.seconds["generate"] = 1.0
        return Video((output.stored(key),), {"seed": plan.seed}, ("a warning",))


@dataclass
class InProcessCluster:
    storage: LocalStorage
    errors: list[Exception] = field(default_factory=list)
    alive: bool = True
    specs: list[Spec] = field(default_factory=list)
    sources: list[SourceFile] = field(default_factory=list)
    cancelled: int = 0
    before_publish: Callable[[], Awaitable[None]] | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def open_stages(
        self, job: Job, *, prefix: str, keep: Callable[[BaseClip], Awaitable[None]], find_source: FindSource
    ) -> Stages:
        return Stages(self, job, prefix, keep, find_source)

    async def is_alive(self) -> bool:
        return self.alive


@pytest.fixture
async def cluster(storage: LocalStorage) -> InProcessCluster:
    """Stages that do not wait. Clear `release` to hold `generate`."""
    made = InProcessCluster(storage)
    made.release.set()
    return made


class Queue:
    """Jobs of one user, and the rows as they are now."""

    def __init__(self, sessions: Sessions, owner_id: UUID) -> None:
        self.sessions, self.owner_id = sessions, owner_id

    async def submit(self, **spec: Any) -> UUID:
        async with self.sessions.begin() as session:
            submitted = await jobs.enqueue(
                session, owner_id=self.owner_id, spec=SPEC | spec, seconds=2.0, quotas=Quotas(queued_per_user=100)
            )
        return submitted.job.id

    async def claim(self, owner: str = "worker") -> Job:
        async with self.sessions.begin() as session:
            job = await leases.claim(session, owner=owner, running_per_user=10, lease_seconds=SETTINGS.lease_seconds)
        assert job is not None
        return job

    async def row(self, job_id: UUID) -> Job:
        async with self.sessions() as session:
            job = await jobs.get(session, job_id, owner_id=self.owner_id)
        assert job is not None
        return job

    async def cancel(self, job_id: UUID) -> None:
        async with self.sessions.begin() as session:
            await jobs.request_cancel(session, job_id, owner_id=self.owner_id)

    async def execute(self, statement: str, **values: Any) -> Any:
        async with self.sessions.begin() as session:
            result = await session.execute(text(statement), values)
            return result.all() if result.returns_rows else []

    async def until(self, job_id: UUID, *statuses: str, seconds: float = 10) -> Job:
        async with asyncio.timeout(seconds):
            while (job := await self.row(job_id)).status not in statuses:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return job


@pytest.fixture
async def queue(sessions: Sessions, make_user: MakeUser) -> Queue:
    return Queue(sessions, await make_user())


@pytest.fixture
def start(sessions: Sessions, storage: LocalStorage, cluster: InProcessCluster) -> Callable[..., Attempt]:
    """An attempt at a claimed job."""

    def make(job: Job, **settings: Any) -> Attempt:
        changed = SETTINGS.model_copy(update=settings)
        return Attempt(job, sessions=sessions, storage=storage, cluster=cluster, settings=changed, rates={})

    return make
