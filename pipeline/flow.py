"""The picture: how a Spec becomes a Video. Everything else says where and how these five stages run."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from pipeline.clip import Piece, Video
from pipeline.errors import StageLost
from pipeline.spec import Plan, Span, Spec

PAUSES: Final = (1.0, 2.0, 4.0)
"""Seconds before each new try of a call whose replica died: a while, until the news of its death has spread."""

T = TypeVar("T")
Ref = TypeVar("Ref")
"""Frames that are still somewhere else: a stage takes them by reference, only the next stage ever holds the bytes."""


class Report(Protocol):
    """Who is told how far a job is. Calls are cheap and never block."""

    def planned(self, plan: Plan) -> None: ...

    def generated(self, step: int, steps: int, preview: bytes | None = None) -> None: ...

    def encoded(self, spans: int, of: int) -> None: ...


class Stages(Protocol[Ref]):
    """The five stages as the flow sees them, for one job."""

    window: int
    """How many spans may be under way at once: it bounds the memory of a job, however long the video."""

    async def preprocess(self, spec: Spec) -> Plan: ...

    async def generate(self, plan: Plan, report: Report) -> Ref: ...

    def interpolate(self, base: Ref, plan: Plan, span: Span) -> Ref: ...

    def select(self, base: Ref, plan: Plan, span: Span) -> Ref: ...

    def upscale(self, frames: Ref, plan: Plan) -> Ref: ...

    async def encode(self, frames: Ref, plan: Plan, span: Span) -> Piece: ...

    async def assemble(self, pieces: Sequence[Piece], plan: Plan) -> Video: ...


async def render(spec: Spec, stages: Stages[Ref], report: Report) -> Video:
    """Take a Spec through the five stages. A stage that fails raises a PipelineError that names it."""
    plan = await stages.preprocess(spec)
    report.planned(plan)
    base = await stages.generate(plan, report)

    async def piece(span: Span) -> Piece:
        frames = stages.interpolate(base, plan, span) if plan.interpolated else stages.select(base, plan, span)
        sized = stages.upscale(frames, plan) if plan.upscale > 1 else frames
        return await stages.encode(sized, plan, span)

    pieces = await in_order(piece, plan.spans, window=stages.window, report=report)
    return await stages.assemble(pieces, plan)


async def in_order(
    piece: Callable[[Span], Awaitable[Piece]], spans: Sequence[Span], *, window: int, report: Report
) -> list[Piece]:
    """Make the pieces of all spans, `window` at a time, and return them in the order of the spans.

    The first failure stops the others and is raised as it is.
    """
    slots = asyncio.Semaphore(window)
    done = 0

    async def one(span: Span) -> Piece:
        nonlocal done
        async with slots:
            result = await patiently(lambda: piece(span))
        done += 1
        report.encoded(done, len(spans))
        return result

    report.encoded(0, len(spans))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(span)) for span in spans]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """A replica that dies costs what it did another try, not the job."""
    for pause in PAUSES:
        try:
            return await work()
        except StageLost:
            await asyncio.sleep(pause)
    return await work()
