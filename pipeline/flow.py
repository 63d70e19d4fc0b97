"""How a Spec becomes a Video: `render()` is the whole pipeline. Where and how the stages run is decided elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from pipeline.clip import EncodedSpan, Video
from pipeline.contract.errors import StageLost
from pipeline.contract.plan import Plan, Span
from pipeline.contract.spec import Spec

# Calls of a stage whose replica dies, the first one included, and the seconds between them (1, 2, 4): for a moment
# after the death the router may still send requests to the dead replica.
LOST_ATTEMPTS: Final = 4
LOST_WAIT: Final = wait_exponential(multiplier=1, max=4)

T = TypeVar("T")
# A reference to frames that are held by another process. Only the stage that needs the bytes fetches them.
Ref = TypeVar("Ref")


class ProgressListener(Protocol):
    """Receives the progress of a job. Calls return at once."""

    def planned(self, plan: Plan) -> None: ...

    def generated(self, step: int, steps: int, preview: bytes | None = None) -> None: ...

    def encoded(self, spans: int, of: int) -> None: ...


class Stages(Protocol[Ref]):
    """The five stages, bound to one job."""

    # How many spans may be in flight at once. It bounds the memory of a job, whatever the length of the video.
    window: int

    async def preprocess(self, spec: Spec) -> Plan: ...

    async def generate(self, plan: Plan, listener: ProgressListener) -> Ref: ...

    def interpolate(self, base: Ref, plan: Plan, span: Span) -> Ref: ...

    def select(self, base: Ref, plan: Plan, span: Span) -> Ref: ...

    def upscale(self, frames: Ref, plan: Plan) -> Ref: ...

    async def encode(self, frames: Ref, plan: Plan, span: Span) -> EncodedSpan: ...

    async def assemble(self, spans: Sequence[EncodedSpan], plan: Plan) -> Video: ...


async def render(spec: Spec, stages: Stages[Ref], listener: ProgressListener) -> Video:
    """Take a Spec through the five stages. A stage that fails raises a PipelineError that names it."""
    plan = await stages.preprocess(spec)
    listener.planned(plan)
    base = await stages.generate(plan, listener)

    async def finish(span: Span) -> EncodedSpan:
        frames = stages.interpolate(base, plan, span) if plan.interpolated else stages.select(base, plan, span)
        sized = stages.upscale(frames, plan) if plan.upscale > 1 else frames
        return await stages.encode(sized, plan, span)

    encoded = await in_order(finish, plan.spans, window=stages.window, listener=listener)
    return await stages.assemble(encoded, plan)


async def in_order(
    finish: Callable[[Span], Awaitable[EncodedSpan]],
    spans: Sequence[Span],
    *,
    window: int,
    listener: ProgressListener,
) -> list[EncodedSpan]:
    """Finish all spans, at most `window` at a time, and return them in the order of `spans`.

    The first failure cancels the other spans and is raised unchanged.
    """
    slots = asyncio.Semaphore(window)
    done = 0

    async def run(span: Span) -> EncodedSpan:
        nonlocal done
        async with slots:
            encoded = await retry_lost(lambda: finish(span))
        done += 1
        listener.encoded(done, len(spans))
        return encoded

    listener.encoded(0, len(spans))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(span)) for span in spans]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def retry_lost(call: Callable[[], Awaitable[T]]) -> T:
    """Await a call of a stage, and repeat it with backoff if its replica dies."""
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(StageLost),
        stop=stop_after_attempt(LOST_ATTEMPTS),
        wait=LOST_WAIT,
        reraise=True,
    )

    async def attempt() -> T:
        return await call()

    return await retrying(attempt)
