"""The five stages of one job on a Ray cluster, as `flow.render` sees them."""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Self

import structlog
from pydantic import ValidationError
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException

from db.errors import StorageError
from pipeline.clip import Piece, Video
from pipeline.errors import PipelineError, StageFailed, StageLost, Unavailable
from pipeline.flow import Report, patiently
from pipeline.spec import Plan, Span, Spec, Stage

log = structlog.get_logger()
Handles = Mapping[Stage, Any]
Keep = Callable[[dict[str, Any]], Awaitable[None]]

BASE_NAME: Final = "base.mkv"
QUEUED_SILENCES: Final = 6
"""A call may wait behind others for as many times as a stage may be silent at work: who works is watched where he
works, and this only ends a wait that nothing else has ended."""
WAITING_TRIES: Final = 20
"""A job that only waited when its replica died is not to blame, unlike the one that was being drawn."""
WAITING_PAUSE: Final = 1.0
STORE_PATIENCE: Final = 300.0
STORE_PAUSE: Final = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call under way, and the call whose result it waits for: both are ended together."""

    stage: Stage
    response: Any
    before: Self | None = None

    def cancel(self) -> None:
        with suppress(RayError, RayServeException):  # a call that never reached a replica raises that here again
            self.response.cancel()
        if self.before:
            self.before.cancel()


class RayStages:
    """Runs one attempt of one job. With `base`, the clip kept from an earlier attempt, `generate` is not paid again."""

    def __init__(
        self, handles: Handles, *, prefix: str, window: int, silence_seconds: float, keep: Keep,
        base: dict[str, Any] | None = None, reduced: bool = False,
    ) -> None:  # fmt: skip
        self.window = window
        self.seconds: Counter[str] = Counter()
        """Seconds of work per stage, measured where the work was done."""
        self._handles = handles
        self._prefix = prefix
        self._patience = QUEUED_SILENCES * silence_seconds
        self._keep = keep
        self._base = base if base and _usable(base, reduced) else None
        self._again: Call | None = None
        """The base clip, restored after a span was lost."""
        self._reduced = reduced

    async def preprocess(self, spec: Spec) -> Plan:
        if self._base:
            return Plan.model_validate(self._base["plan"])
        return await self._lasting(lambda: self._ask(Stage.PREPROCESS, None, spec, self._reduced))

    async def generate(self, plan: Plan, report: Report) -> Call:
        if self._base and (kept := await self._restored()):
            return kept
        clip = await self._diffuse(plan, report)
        key = f"{self._prefix}/{BASE_NAME}"
        kept_as = await self._lasting(lambda: self._ask(Stage.POSTPROCESS, "keep", clip, plan, key))
        self._base = {**kept_as, "reduced": self._reduced}
        await self._keep(self._base)
        return Call(Stage.GENERATE, clip)

    async def _diffuse(self, plan: Plan, report: Report) -> Any:
        for _ in range(WAITING_TRIES):
            began = False
            stream = self._handles[Stage.GENERATE].options(stream=True).remote(plan)
            try:
                async with self._waiting(Call(Stage.GENERATE, stream)):
                    items = await _references(stream)
                    await (await anext(items))  # its turn has come: until then it is silent for as long as others take
                    began = True
                    report.generated(0, plan.num_inference_steps)
                    return await self._drawn(items, report)
            except StageLost:
                if began:
                    raise
                await asyncio.sleep(WAITING_PAUSE)
        raise StageLost(Stage.GENERATE)

    async def _drawn(self, items: AsyncIterator[Any], report: Report) -> Any:
        """The clip that the generator ends with, once all that it says before is reported."""
        while True:
            async with asyncio.timeout(self._patience):
                event = await (await anext(items))
                if "seconds" in event:
                    self.seconds[Stage.GENERATE] += event["seconds"]
                    return await _last(items)
            report.generated(event["step"], event["steps"], event["preview"])

    async def _restored(self) -> Call | None:
        """The kept base clip; None if it is gone."""

        async def fetch() -> Any:
            stream = self._handles[Stage.POSTPROCESS].options(method_name="restore", stream=True).remote(self._base)
            async with self._waiting(Call(Stage.POSTPROCESS, stream)):
                items = await _references(stream)
                return await _last(items) if (await (await anext(items)))["kept"] else None

        clip = await self._lasting(fetch)
        return None if clip is None else Call(Stage.POSTPROCESS, clip)

    def interpolate(self, base: Call, plan: Plan, span: Span) -> Call:
        return self._call(Stage.INTERPOLATE, None, (self._again or base).response, plan, span)

    def select(self, base: Call, plan: Plan, span: Span) -> Call:
        return self._call(Stage.POSTPROCESS, "select", (self._again or base).response, plan, span)

    def upscale(self, frames: Call, plan: Plan) -> Call:
        return self._call(Stage.UPSCALE, None, frames.response, plan, before=frames)

    async def encode(self, frames: Call, plan: Plan, span: Span) -> Piece:
        call = self._call(Stage.POSTPROCESS, "encode", frames.response, plan, span, before=frames)
        try:
            async with self._waiting(call) as answer:
                piece, seconds = await answer
        except StageLost:
            self._again = await self._restored()  # the base frames go with the replica that drew or restored them
            raise
        self.seconds.update({stage: spent for stage, spent in seconds.items() if stage != Stage.GENERATE})
        del call, frames
        gc.collect()  # Serve's responses are cycles: left alone, they hold the frames of every span in shared memory
        return piece

    async def assemble(self, pieces: Sequence[Piece], plan: Plan) -> Video:
        given = (list(pieces), plan, self._prefix)
        video, seconds = await self._lasting(lambda: self._ask(Stage.POSTPROCESS, "assemble", *given))
        self.seconds[Stage.POSTPROCESS] += seconds
        return video

    def _call(self, stage: Stage, method: str | None, *args: Any, before: Call | None = None) -> Call:
        handle = self._handles[stage]
        return Call(stage, (handle.options(method_name=method) if method else handle).remote(*args), before)

    async def _ask(self, stage: Stage, method: str | None, *args: Any) -> Any:
        async with self._waiting(self._call(stage, method, *args)) as answer:
            return await answer

    async def _lasting(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """An answer, asked for again when the replica dies, and for a while when the object store is away."""
        end = time.monotonic() + STORE_PATIENCE
        while True:
            try:
                return await patiently(ask)
            except Unavailable as error:
                if time.monotonic() > end:
                    raise
                log.warning("will try again", error=str(error))
            await asyncio.sleep(STORE_PAUSE)

    @asynccontextmanager
    async def _waiting(self, call: Call) -> AsyncIterator[Any]:
        """Wait for a call, with a patience that ends; end the call when nobody waits any longer."""
        try:
            async with asyncio.timeout(None if call.stage is Stage.GENERATE else self._patience):
                yield call.response
        except (TimeoutError, RayError, RayServeException, StopAsyncIteration) as error:
            met = _what_happened(error, call.stage)
            if isinstance(met, StageLost):
                log.warning("call lost", stage=call.stage.value, error=f"{type(error).__name__}: {error}"[:300])
            raise met from error
        finally:
            call.cancel()


def _usable(base: dict[str, Any], reduced: bool) -> bool:
    """After out of memory, a clip as large as the last one would only meet the same end; and a plan that another
    version has kept may be none any more."""
    try:
        Plan.model_validate(base["plan"])
    except ValidationError:
        return False
    return bool(base.get("reduced", False) == reduced)


async def _references(stream: Any) -> AsyncIterator[Any]:
    """What a stream yields, each by reference. They are ours, so they outlive the replica that made them: a reference
    of its own, handed over inside of an item, Ray forgets too early."""
    items: AsyncIterator[Any] = await stream._to_object_ref_gen()
    return items


async def _last(items: AsyncIterator[Any]) -> Any:
    """The next item, after which the stream is heard to its end: a call that is cut short may take its items along."""
    item = await anext(items)
    await anext(items, None)
    return item


def _what_happened(error: Exception, stage: Stage) -> PipelineError:
    """The error that a replica raised, as it was raised there; StageLost if there was nobody to raise one."""
    cause = error
    while isinstance(cause, RayTaskError):  # again and again where an argument of the call could not be made
        cause = cause.cause
    if isinstance(cause, PipelineError):
        return cause
    if isinstance(cause, RayError | RayServeException | TimeoutError | StopAsyncIteration):
        return StageLost(stage)
    if isinstance(cause, StorageError | OSError):
        return Unavailable(stage, f"the object store does not answer: {cause}")
    return StageFailed(stage, f"{type(cause).__name__}: {cause}")
