"""A system in this process: a real gateway behind a socket, and a real dispatcher with stages that sleep, without Ray.

The stages make real files. A prompt may instruct them: `generate sleep 5`.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI

from api.app import create_app
from db import engine as engines
from db.embedded import Postgres
from db.storage.base import Storage
from db.storage.open import open_storage
from db.tables import Base, Job
from pipeline.clip import Clip, EncodedSpan, Video
from pipeline.contract.base_clip import BASE_CLIP_FILE, BaseClip
from pipeline.contract.plan import Plan, Span
from pipeline.contract.source_file import FindSource
from pipeline.contract.spec import Spec
from pipeline.flow import ProgressListener
from pipeline.settings import PipelineSettings
from pipeline.worker.dispatcher import Dispatcher
from tests.api.conftest import make_settings, run_server
from tests.faults.stages.generate import Generate
from tests.faults.stages.interpolate import Interpolate
from tests.faults.stages.postprocess import Postprocess
from tests.faults.stages.preprocess import Preprocess
from tests.faults.stages.upscale import Upscale

STOP_SECONDS = 20


def go_on() -> None:
    """A check for calls that are not canceled."""


class Stopped(Exception):
    """The attempt was canceled."""


@dataclass
class LiveStages:
    """The stages of one attempt, each call in a thread."""

    cluster: "LiveCluster"
    base: BaseClip | None
    prefix: str
    keep: Callable[[BaseClip], Awaitable[None]]
    window: int = 2
    seconds: Counter[str] = field(default_factory=Counter)

    async def preprocess(self, spec: Spec) -> Plan:
        if self.base:
            return Plan.model_validate(self.base.plan)
        return await asyncio.to_thread(self.cluster.preprocess, spec)

    async def generate(self, plan: Plan, listener: ProgressListener) -> Clip:
        if self.base:
            return self.cluster.postprocess.decode_base(await self.cluster.storage.get(self.base.key))
        loop, stopped = asyncio.get_running_loop(), threading.Event()
        listener.generated(0, plan.num_inference_steps)

        def check() -> None:
            if stopped.is_set():
                raise Stopped

        def on_step(step: int, steps: int, preview: bytes | None) -> None:
            loop.call_soon_threadsafe(listener.generated, step, steps, preview)

        try:
            clip = await asyncio.to_thread(self.cluster.generate, plan, on_step, check)
        finally:
            stopped.set()
        data, key = self.cluster.postprocess.encode_base(clip), f"{self.prefix}/{BASE_CLIP_FILE}"
        await self.cluster.storage.put(key, data, "video/x-matroska")
        await self.keep(
            BaseClip(
                key=key, content_type="video/x-matroska", sha256=sha256(data).hexdigest(), size_bytes=len(data),
                width=clip.width, height=clip.height, frames=len(clip), fps=clip.fps, plan=plan.model_dump(mode="json"),
            )
        )  # fmt: skip
        return clip

    def interpolate(self, base: Clip, plan: Plan, span: Span) -> Clip:
        return self.cluster.interpolate(base, plan, span, go_on)

    def select(self, base: Clip, plan: Plan, span: Span) -> Clip:
        return self.cluster.postprocess.select(base, plan, span)

    def upscale(self, frames: Clip, plan: Plan) -> Clip:
        return self.cluster.upscale(frames, plan, go_on)

    async def encode(self, frames: Clip, plan: Plan, span: Span) -> EncodedSpan:
        return await asyncio.to_thread(self.cluster.postprocess.encode, frames, plan, span, go_on)

    async def assemble(self, spans: Sequence[EncodedSpan], plan: Plan) -> Video:
        video = await asyncio.to_thread(self.cluster.postprocess.assemble, spans, plan)
        stored = []
        for output in video.outputs:
            key = f"{self.prefix}/{output.filename}"
            await self.cluster.storage.put(key, output.data, output.content_type)
            stored.append(output.stored(key))
        return Video(tuple(stored), video.resolved, video.warnings)


class LiveCluster:
    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        unused = Path()
        self.preprocess, self.postprocess = Preprocess(unused, None), Postprocess()
        self.generate, self.interpolate = Generate(unused, "cpu"), Interpolate(unused, "cpu")
        self.upscale = Upscale(unused, "cpu")

    def open_stages(
        self, job: Job, *, prefix: str, keep: Callable[[BaseClip], Awaitable[None]], find_source: FindSource
    ) -> LiveStages:
        base = BaseClip.model_validate(job.base) if job.base else None
        return LiveStages(self, base, prefix, keep)

    async def is_alive(self) -> bool:
        return True


async def delete_rows(owner_url: str) -> None:
    owner = engines.connect(owner_url, pool_size=1)
    async with owner.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            await connection.execute(table.delete())
    await owner.dispose()


@contextlib.contextmanager
def running(postgres: Postgres, folder: Path, **changes: Any) -> Iterator[str]:
    """The URL of a system on this database, which is emptied first."""
    asyncio.run(delete_rows(postgres.owner_url))
    folder.mkdir(exist_ok=True)
    settings = make_settings(postgres.url, folder).model_copy(update=changes)
    storage = open_storage(settings)
    stop = _Stop()
    # Both applications are made before the log is redirected, because that configures it.
    app, calling = create_app(settings), create_app(settings)
    dispatching = threading.Thread(target=lambda: asyncio.run(_dispatch(postgres.url, storage, calling, stop)))
    with _log_to(folder / "log"), run_server(app) as server:
        dispatching.start()
        try:
            yield server.http
        finally:
            stop.set()
            dispatching.join(STOP_SECONDS)
            assert not dispatching.is_alive()


@contextlib.contextmanager
def _log_to(path: Path) -> Iterator[None]:
    """Keep the log of the system out of the output of the command that a test runs."""
    before = structlog.get_config()
    with path.open("w") as file:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(file), cache_logger_on_first_use=False)
        try:
            yield
        finally:
            structlog.configure(**before)


class _Stop:
    """An asyncio event that another thread sets."""

    def __init__(self) -> None:
        self._ready = threading.Event()

    def create(self) -> asyncio.Event:
        self._loop, self._event = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        return self._event

    def set(self) -> None:
        assert self._ready.wait(STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._event.set)


async def _dispatch(database_url: str, storage: Storage, calling: FastAPI, stop: _Stop) -> None:
    """Run jobs, and call webhooks: `run_server` does not."""
    engine = engines.connect(database_url)
    webhooks = asyncio.create_task(calling.state.webhooks.run())
    settings = PipelineSettings(_env_file=None, poll_seconds=0.2, beat_seconds=0.2, sweep_seconds=3600)
    try:
        await Dispatcher(
            owner="live",
            sessions=engines.sessions(engine),
            storage=storage,
            cluster=LiveCluster(storage),
            settings=settings,
            database_url=database_url,
        ).run(stop.create())
    finally:
        webhooks.cancel()
        await asyncio.gather(webhooks, return_exceptions=True)
        await calling.state.gateway.close()
        await engine.dispose()
