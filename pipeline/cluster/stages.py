"""The five stages of one job on a Ray cluster: what `flow.render` calls."""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from pydantic import ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay, wait_fixed

from pipeline.clip import EncodedSpan, Video
from pipeline.cluster.calls import CALL_ERRORS, Call, finished_clip, pipeline_error, references
from pipeline.contract.base_clip import BASE_CLIP_FILE, BaseClip
from pipeline.contract.errors import DependencyUnavailable, StageFailed, StageLost
from pipeline.contract.plan import Plan, Span
from pipeline.contract.progress import Stage
from pipeline.contract.source_file import FindSource
from pipeline.contract.spec import Spec, VideoFrame
from pipeline.flow import ProgressListener, retry_lost

log = structlog.get_logger()

Handles = Mapping[Stage, Any]
# A call that ends with the ObjectRef of a clip.
Frames = asyncio.Task[Any]

# Last-resort timeout of the caller, in multiples of `stage_silence_seconds`: a call may wait behind others, and
# replicas have their own watchdog.
TIMEOUT_SILENCES: Final = 6
# Calls of `generate` whose replica died while the job was still waiting for it: the job is not charged for them.
WAITING_ATTEMPTS: Final = 20
WAITING_SECONDS: Final = 1.0
# How long a stage is called again while the object store is unavailable, and the pause between two calls.
STORE_SECONDS: Final = 300.0
STORE_PAUSE_SECONDS: Final = 2.0


class RayStages:
    """The stages bound to one attempt. If `base` is given, `generate` returns that clip instead of drawing one."""

    def __init__(
        self,
        handles: Handles,
        *,
        prefix: str,
        window: int,
        silence_seconds: float,
        keep: Callable[[BaseClip], Awaitable[None]],
        find_source: FindSource,
        base: BaseClip | None = None,
        reduced: bool = False,
    ) -> None:
        """`prefix` is the key prefix of the attempt's objects; `keep` is called with a newly drawn base clip.

        `find_source` is called before a clip is drawn that begins with a frame of a video.
        """
        self.window = window
        # Seconds of work by stage, measured in the replicas.
        self.seconds: Counter[str] = Counter()
        self._handles = handles
        self._prefix = prefix
        self._timeout = TIMEOUT_SILENCES * silence_seconds
        self._keep, self._find_source = keep, find_source
        self._image_from: VideoFrame | None = None
        self._base = base if base and is_usable(base, reduced) else None
        # The base clip, restored from the object store after a replica that held its frames was lost.
        self._restored_base: Any = None
        self._reduced = reduced

    async def preprocess(self, spec: Spec) -> Plan:
        self._image_from = spec.image_from
        if self._base:
            # The image of a request is not stored twice; of a frame of a video, the kept plan has the hash.
            return Plan.model_validate(self._base.plan | ({"image": spec.image} if spec.image else {}))
        plan: Plan = await self._retry(lambda: self._request(Stage.PREPROCESS, None, spec, self._reduced))
        return await self._with_first_frame(plan)

    async def _with_first_frame(self, plan: Plan) -> Plan:
        """The plan with the frame of the video that the clip begins with, if the request names one."""
        if self._image_from is None:
            return plan
        source, at = await self._find_source(self._image_from), self._image_from.at
        arguments = (source, at, plan.base_width, plan.base_height)
        image = await self._retry(lambda: self._request(Stage.POSTPROCESS, "frame", *arguments))
        return plan.model_copy(update={"image": image})

    async def generate(self, plan: Plan, listener: ProgressListener) -> Any:
        """The ObjectRef of the base clip."""
        if self._base and (kept := await self._restore()):
            return kept
        if plan.reused_base:
            raise StageFailed(Stage.GENERATE, "the kept base clip is missing or damaged: generate the video again")
        if self._base:
            # The kept plan has no image to draw from.
            plan = await self._with_first_frame(plan)
        clip = await self._draw(plan, listener)
        key = f"{self._prefix}/{BASE_CLIP_FILE}"
        stored: BaseClip = await self._retry(lambda: self._request(Stage.POSTPROCESS, "keep", clip, plan, key))
        self._base = stored.model_copy(update={"reduced": self._reduced})
        await self._keep(self._base)
        return clip

    async def _draw(self, plan: Plan, listener: ProgressListener) -> Any:
        """An ObjectRef to the drawn clip. A replica that dies before it began this job costs the job nothing."""
        for _ in range(WAITING_ATTEMPTS):
            began = False
            try:
                async with self._awaiting(self._call(Stage.GENERATE, None, plan, stream=True)) as stream:
                    items = await references(stream)
                    await (await anext(items))  # the first event is sent when the replica begins this job
                    began = True
                    listener.generated(0, plan.num_inference_steps)
                    return await self._receive_clip(items, listener)
            except StageLost:
                if began:
                    raise
                await asyncio.sleep(WAITING_SECONDS)
        raise StageLost(Stage.GENERATE)

    async def _receive_clip(self, items: AsyncIterator[Any], listener: ProgressListener) -> Any:
        """Report the steps of a `generate` stream and return the ObjectRef of the clip that ends it."""
        while True:
            async with asyncio.timeout(self._timeout):
                event = await (await anext(items))
                if "seconds" in event:
                    self.seconds[Stage.GENERATE] += event["seconds"]
                    return await finished_clip(items)
            listener.generated(event["step"], event["steps"], event["preview"])

    async def _restore(self) -> Any:
        """The ObjectRef of the kept base clip; None if its object is missing or damaged."""

        async def fetch() -> Any:
            call = self._call(Stage.POSTPROCESS, "restore", self._base, stream=True)
            async with self._awaiting(call) as stream:
                items = await references(stream)
                return await finished_clip(items) if (await (await anext(items)))["kept"] else None

        return await self._retry(fetch)

    def interpolate(self, base: Any, plan: Plan, span: Span) -> Frames:
        return asyncio.create_task(self._clip(Stage.INTERPOLATE, None, self._restored_base or base, plan, span))

    def select(self, base: Any, plan: Plan, span: Span) -> Frames:
        return asyncio.create_task(self._clip(Stage.POSTPROCESS, "select", self._restored_base or base, plan, span))

    def upscale(self, frames: Frames, plan: Plan) -> Frames:
        async def call() -> Any:
            return await self._clip(Stage.UPSCALE, None, await frames, plan)

        return asyncio.create_task(call())

    async def encode(self, frames: Frames, plan: Plan, span: Span) -> EncodedSpan:
        try:
            encoded, seconds = await self._request(Stage.POSTPROCESS, "encode", await frames, plan, span)
        except StageLost:
            # The base frames are freed with the replica that drew or restored them, so restore them before the retry.
            self._restored_base = await self._restore()
            raise
        self.seconds.update({stage: spent for stage, spent in seconds.items() if stage != Stage.GENERATE})
        gc.collect()  # Serve responses are reference cycles: uncollected, they keep frames in shared memory
        return encoded

    async def assemble(self, spans: Sequence[EncodedSpan], plan: Plan) -> Video:
        arguments = (list(spans), plan, self._prefix)
        video, seconds = await self._retry(lambda: self._request(Stage.POSTPROCESS, "assemble", *arguments))
        self.seconds[Stage.POSTPROCESS] += seconds
        return video

    async def _clip(self, stage: Stage, method: str | None, *args: Any) -> Any:
        """The ObjectRef of the clip that a stage makes. All arguments are finished."""
        async with self._awaiting(self._call(stage, method, *args, stream=True)) as stream:
            return await finished_clip(await references(stream))

    def _call(self, stage: Stage, method: str | None, *args: Any, stream: bool = False) -> Call:
        handle = self._handles[stage].options(stream=stream)
        return Call(stage, (handle.options(method_name=method) if method else handle).remote(*args))

    async def _request(self, stage: Stage, method: str | None, *args: Any) -> Any:
        async with self._awaiting(self._call(stage, method, *args)) as answer:
            return await answer

    async def _retry(self, request: Callable[[], Awaitable[Any]]) -> Any:
        """The answer to a request, repeated if the replica dies, and for a while if the object store is unavailable."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(DependencyUnavailable),
            stop=stop_after_delay(STORE_SECONDS),
            wait=wait_fixed(STORE_PAUSE_SECONDS),
            before_sleep=_log_unavailable,
            reraise=True,
        )

        async def attempt() -> Any:
            return await retry_lost(request)

        return await retrying(attempt)

    @asynccontextmanager
    async def _awaiting(self, call: Call) -> AsyncIterator[Any]:
        """Await a call within a timeout, map its errors, and cancel it when the caller leaves."""
        began = time.monotonic()
        try:
            # `generate` has a timeout per event instead.
            async with asyncio.timeout(None if call.stage is Stage.GENERATE else self._timeout):
                yield call.response
        except CALL_ERRORS as error:
            mapped = pipeline_error(error, call.stage)
            if isinstance(mapped, StageLost):
                seconds = round(time.monotonic() - began, 1)
                log.warning(
                    "stage lost", stage=mapped.stage, seconds=seconds, error=f"{type(error).__name__}: {error}"[:300]
                )
            raise mapped from error
        finally:
            call.cancel()


def _log_unavailable(state: RetryCallState) -> None:
    if state.outcome and (error := state.outcome.exception()):
        log.warning("object store unavailable", error=str(error))


def is_usable(base: BaseClip, reduced: bool) -> bool:
    """Whether an attempt may start from a kept clip.

    After out of memory a clip of the full size would fail again. A plan kept by another version may be invalid by now.
    A job that finishes another video has nothing else to start from.
    """
    try:
        plan = Plan.model_validate(base.plan)
    except ValidationError:
        return False
    return plan.reused_base or base.reduced == reduced
