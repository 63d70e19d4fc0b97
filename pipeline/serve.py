"""Which stage runs where, with what, in how many copies: five Serve applications of one deployment each.

Ray ships frames between them by reference. `deploy` starts them on the cluster that this process is connected to.
"""

import asyncio
import faulthandler
import importlib
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeVar

import structlog
from ray import serve
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import ApplicationStatus

from db.errors import ObjectMissing
from db.settings import StorageSettings
from db.storage import Storage, open_storage
from pipeline import logs
from pipeline.clip import Clip, Output, Piece, Video
from pipeline.errors import PipelineError, StageFailed, Stopped
from pipeline.failpoints import reach
from pipeline.settings import PipelineSettings
from pipeline.spec import Plan, Span, Spec, Stage

log = structlog.get_logger()
T = TypeVar("T")
Check = Callable[[], None]

GRACE_SECONDS: Final = 60.0
"""How long a replica that is taken away may finish what it has: longer than the longest single step of a stage."""
HEALTH_TIMEOUT_SECONDS: Final = 120.0
"""A replica under full load on few cores answers late; that is not death. After three times it is replaced."""
STDERR: Final = 2
HEARD_SECONDS: Final = 1.0
LEAVING_SECONDS: Final = 0.1
"""What is said takes a moment to leave the process."""
WAITING_CALLS: Final = 4
"""Calls that a replica holds while its one thread works: enough that it never idles, few enough to spread."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A clip on its way to the next stage, and the seconds of work that each stage has put into it."""

    clip: Clip
    seconds: dict[str, float]


class Replica:
    """One copy of a stage: its object, the one thread that it runs in, and a way to stop it.

    Ray gives the slot of a cancelled call free at once, although a thread cannot be interrupted. So a cancelled call
    raises a flag that the stage looks at between its steps, and holds its slot until the thread has really stopped.
    A thread that has long given no sign never will: then the process says where it hangs and ends, even if a native
    call holds the interpreter, and Serve starts another.
    """

    stage: Stage

    def __init__(self, settings: PipelineSettings) -> None:
        logs.configure()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self.stage)
        self._settings = settings
        self._work: Any = self._thread.submit(self._load).result()

    def _load(self) -> Any:
        return self._class()(self._settings.models_dir, self._settings.device)

    def _class(self) -> Any:
        """Imported here and not above: a replica loads what its own stage needs, and nothing else."""
        return getattr(importlib.import_module(f"{self._settings.stages}.{self.stage}"), self.stage.capitalize())

    async def _run(self, work: Callable[[Check], T]) -> tuple[T, float]:
        stop = threading.Event()
        running = self._thread.submit(self._guarded, work, stop)
        future = asyncio.wrap_future(running)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            stop.set()
            if not running.cancel():
                await asyncio.wait([future])
                future.exception()  # looked at: that it was stopped is no news
            raise

    def _guarded(self, work: Callable[[Check], T], stop: threading.Event) -> tuple[T, float]:
        """Run in the thread: the result and its seconds. Whatever a stage meets leaves with the stage's name."""

        def check() -> None:
            faulthandler.dump_traceback_later(self._settings.stage_silence_seconds, exit=True, file=STDERR)
            if stop.is_set():
                raise Stopped

        began = time.perf_counter()
        try:
            check()
            return work(check), time.perf_counter() - began
        except PipelineError:
            raise
        except Exception as error:  # the outermost edge of a stage: unknown errors get the stage's name here
            log.exception("stage failed", stage=self.stage)
            if "CUDA error" in str(error):
                os._exit(os.EX_SOFTWARE)  # such a device answers every later call with the same error: begin afresh
            raise StageFailed(self.stage, f"{type(error).__name__}: {error}") from error
        finally:
            faulthandler.cancel_dump_traceback_later()

    async def _next(self, given: Handed, work: Callable[[Check], Clip]) -> Handed:
        clip, seconds = await self._run(work)
        return Handed(clip, {**given.seconds, self.stage: seconds})


class Preprocess(Replica):
    stage = Stage.PREPROCESS

    def _load(self) -> Any:
        return self._class()(self._settings.models_dir)

    async def __call__(self, spec: Spec, reduced: bool) -> Plan:
        return (await self._run(lambda _: self._work(spec, reduced=reduced)))[0]


class Generate(Replica):
    stage = Stage.GENERATE

    async def __call__(self, plan: Plan) -> AsyncIterator[dict[str, Any] | Handed]:
        """Yields `{began}`: from here on, what befalls this process may be this job's doing; `{step, steps, preview}`
        while it draws; `{seconds}`, and the clip at last."""
        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        loop, heard = asyncio.get_running_loop(), threading.Event()

        def report(step: int, steps: int, preview: bytes | None) -> None:
            loop.call_soon_threadsafe(events.put_nowait, {"step": step, "steps": steps, "preview": preview})

        def draw(check: Check) -> Clip:
            loop.call_soon_threadsafe(events.put_nowait, {"began": True})
            heard.wait(HEARD_SECONDS)
            time.sleep(LEAVING_SECONDS)  # so that nobody else is blamed if this job ends the process
            return self._work(plan, report, check)

        work = asyncio.create_task(self._run(draw))
        work.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
                heard.set()
            clip, seconds = await work
            yield {"seconds": seconds}
            yield Handed(clip, {self.stage: seconds})
        finally:
            work.cancel()
            await asyncio.wait([work])


class Interpolate(Replica):
    stage = Stage.INTERPOLATE

    async def __call__(self, base: Handed, plan: Plan, span: Span) -> Handed:
        return await self._next(base, lambda check: self._work(base.clip, plan, span, check))


class Upscale(Replica):
    stage = Stage.UPSCALE

    async def __call__(self, frames: Handed, plan: Plan) -> Handed:
        return await self._next(frames, lambda check: self._work(frames.clip, plan, check))


class Postprocess(Replica):
    """Encodes spans, joins them, and stores what came out."""

    stage = Stage.POSTPROCESS

    def __init__(self, settings: PipelineSettings) -> None:
        super().__init__(settings)
        self._storage: Storage = open_storage(StorageSettings())

    def _load(self) -> Any:
        return self._class()()

    async def select(self, base: Handed, plan: Plan, span: Span) -> Handed:
        return await self._next(base, lambda _: self._work.select(base.clip, plan, span))

    async def encode(self, frames: Handed, plan: Plan, span: Span) -> tuple[Piece, dict[str, float]]:
        piece, seconds = await self._run(lambda check: self._work.encode(frames.clip, plan, span, check))
        return piece, {**frames.seconds, self.stage: seconds}

    async def assemble(self, pieces: list[Piece], plan: Plan, prefix: str) -> tuple[Video, float]:
        """Join the pieces and store the files under `prefix`; each is read back and checked before it counts."""
        video, seconds = await self._run(lambda _: self._work.assemble(pieces, plan))
        outputs = tuple([await self._store(output, f"{prefix}/{output.filename}") for output in video.outputs])
        await reach("after-upload")
        return Video(outputs, video.resolved, video.warnings), seconds

    async def _store(self, output: Output, key: str) -> Output:
        await self._storage.put(key, output.data, output.content_type)
        read = await self._storage.get(key)
        await self._run(lambda _: self._work.check(read, output))
        return output.stored(key)

    async def keep(self, base: Handed, plan: Plan, key: str) -> dict[str, Any]:
        """Store the base clip without loss, so that a retry or a later finish need not diffuse again."""
        data, _ = await self._run(lambda _: self._work.lossless(base.clip))
        await self._storage.put(key, data, "video/x-matroska")
        return {
            "key": key,
            "content_type": "video/x-matroska",
            "sha256": sha256(data).hexdigest(),
            "size_bytes": len(data),
            "width": base.clip.width,
            "height": base.clip.height,
            "frames": len(base.clip),
            "fps": base.clip.fps,
            "plan": plan.model_dump(mode="json"),
        }

    async def restore(self, base: dict[str, Any]) -> AsyncIterator[dict[str, Any] | Handed]:
        """Yields `{kept}`, whether the kept clip is there as it was (else it can be drawn again), and then the clip."""
        try:
            data = await self._storage.get(base["key"])
        except ObjectMissing:
            data = b""
        if sha256(data).hexdigest() != base["sha256"]:
            log.error("kept base clip is gone or damaged", key=base["key"])
            yield {"kept": False}
            return
        clip, _ = await self._run(lambda _: self._work.restore(data))
        yield {"kept": True}
        yield Handed(clip, {})


DEPLOYMENTS: Final[dict[Stage, type[Replica]]] = {
    Stage.PREPROCESS: Preprocess,
    Stage.GENERATE: Generate,
    Stage.INTERPOLATE: Interpolate,
    Stage.UPSCALE: Upscale,
    Stage.POSTPROCESS: Postprocess,
}


def application(stage: Stage, settings: PipelineSettings) -> serve.Application:
    """One stage as a Serve application: how many copies, on what, and every default that would hurt a long job."""
    deployment = serve.deployment(
        DEPLOYMENTS[stage],
        name=stage.value,
        num_replicas=settings.replicas(stage),
        ray_actor_options={"num_cpus": settings.stage_cpus, "num_gpus": settings.gpus(stage)},
        max_ongoing_requests=WAITING_CALLS,
        graceful_shutdown_timeout_s=GRACE_SECONDS,
        health_check_period_s=5,
        health_check_timeout_s=min(HEALTH_TIMEOUT_SECONDS, settings.stage_silence_seconds),
    )
    return deployment.bind(settings)


def deploy(settings: PipelineSettings) -> None:
    """Start, or bring up to date, the five applications."""
    serve.start(proxy_location="Disabled", logging_config={"log_level": "WARNING", "enable_access_log": False})
    targets = [serve.RunTarget(application(stage, settings), name=stage.value, route_prefix=None) for stage in Stage]
    serve.run_many(targets, wait_for_applications_running=True)


def handles() -> dict[Stage, DeploymentHandle[Any]]:
    """How to call each stage, from any process that is connected to the cluster."""
    return {stage: serve.get_deployment_handle(stage.value, app_name=stage.value) for stage in Stage}


def ready() -> bool:
    """Whether all five applications run."""
    applications = serve.status().applications
    return all(stage in applications and applications[stage].status == ApplicationStatus.RUNNING for stage in Stage)
