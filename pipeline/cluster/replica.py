"""One replica of a stage: the stage object, the one thread it runs in, and how it is stopped."""

import asyncio
import faulthandler
import importlib
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

from db import logs
from pipeline.clip import Clip
from pipeline.cluster.nodes import check_node
from pipeline.cluster.threads import Threads
from pipeline.contract import own_models
from pipeline.contract.errors import CheckStopped, PipelineError, StageFailed, Stopped
from pipeline.contract.progress import Stage
from pipeline.contract.version import VERSION
from pipeline.settings import PipelineSettings, prepare_libraries

log = structlog.get_logger()
T = TypeVar("T")

STDERR: Final = 2
# The item that follows a clip in a stream: the caller then knows, without the bytes, that the clip is complete.
FINISHED: Final = True


@dataclass(frozen=True, slots=True)
class TimedClip:
    """A clip on its way to the next stage, and the seconds of work of each stage that produced it."""

    clip: Clip
    seconds: dict[str, float]


class StageReplica:
    """Runs a stage in one thread of the replica's process.

    Ray frees the slot of a cancelled call at once, although its thread runs on. Therefore a cancelled call sets a flag
    that the stage checks between its steps, and keeps its slot until the thread has stopped. If a thread has not
    checked the flag for `stage_silence_seconds`, a watchdog prints the tracebacks of all threads and ends the process,
    even while a native call holds the interpreter; Serve then starts a new replica.
    """

    stage: Stage

    def __init__(self, settings: PipelineSettings, version: str = VERSION) -> None:
        """All settings are arguments: on an existing cluster the environment is that of the node.

        `version` is the version of the deploying process. Raises UnfitNode if this node has another one.
        """
        check_node(version)
        logs.configure()
        prepare_libraries()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self.stage)
        self._settings = settings
        self._threads = Threads()
        self._object: Any = self._thread.submit(self._load).result()

    def _load(self) -> Any:
        own_models.load(self._settings.own_models_file)
        loaded = self._stage_class()(self._settings.models_dir, self._settings.hardware(self.stage))
        if hasattr(loaded, "warm_up"):
            loaded.warm_up(self._settings.model_variant)
        return loaded

    def _stage_class(self) -> Any:
        """The class that does the work, imported here so that a replica loads only what its own stage needs."""
        return getattr(importlib.import_module(f"{self._settings.stages}.{self.stage}"), self.stage.capitalize())

    async def _run(self, work: Callable[[CheckStopped], T]) -> tuple[T, float]:
        """Run `work` in the thread; its result and its seconds. Waits for the thread if it is cancelled."""
        stop = threading.Event()
        running = self._thread.submit(self._guard, work, stop)
        future = asyncio.wrap_future(running)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            stop.set()
            if not running.cancel():
                await asyncio.wait([future])
                future.exception()  # retrieved so that asyncio does not log it
            raise

    def _guard(self, work: Callable[[CheckStopped], T], stop: threading.Event) -> tuple[T, float]:
        """Runs in the thread. Every error leaves it as a PipelineError that names the stage."""

        def check() -> None:
            faulthandler.dump_traceback_later(self._settings.stage_silence_seconds, exit=True, file=STDERR)
            if stop.is_set():
                raise Stopped
            self._threads.adapt()

        began = time.perf_counter()
        try:
            check()
            return work(check), time.perf_counter() - began
        except PipelineError:
            raise
        except Exception as error:  # unexpected errors get the stage's name here
            log.exception("stage failed", stage=self.stage)
            if "CUDA error" in str(error):
                os._exit(os.EX_SOFTWARE)  # the device answers every later call with the same error
            raise StageFailed(self.stage, f"{type(error).__name__}: {error}") from error
        finally:
            faulthandler.cancel_dump_traceback_later()

    async def _process(self, given: TimedClip, work: Callable[[CheckStopped], Clip]) -> AsyncIterator[TimedClip | bool]:
        """Yields the clip that `work` makes of another one, then FINISHED."""
        clip, seconds = await self._run(work)
        yield TimedClip(clip, {**given.seconds, self.stage: seconds})
        yield FINISHED
