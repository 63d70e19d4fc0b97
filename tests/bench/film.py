"""film: calls of FILM per clip, against the least that batching allows. Counted, not timed."""

import math
from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from pipeline.contract.plan import SPAN_FRAMES
from pipeline.models.film import BATCH_PIXELS, HALVINGS, AnyTime, FrameInterpolator, Midpoints
from tests.bench.database import Server
from tests.bench.result import Goal, Result

SIDE: Final = 512
BASE_FRAMES, FRAMES = 16, 48
# Inputs of one call: two frames of that size are one.
BATCH: Final = BATCH_PIXELS // (SIDE * SIDE)


async def measure(server: Server, *, quick: bool) -> list[Result]:
    return [
        Result("film", "calls of TorchScript FILM, 8 to 24 fps, ÷ least", _count(_any_time), _least_any_time(),
               Goal(1, "at most")),
        Result("film", "calls of the SavedModel, 8 to 24 fps, ÷ least of a span", _count(_midpoints),
               _least_midpoints(), Goal(1, "at most")),
    ]  # fmt: skip


def positions() -> list[float]:
    return [k * (BASE_FRAMES - 1) / (FRAMES - 1) for k in range(FRAMES)]


def _spans() -> list[list[float]]:
    every = positions()
    return [every[start : start + SPAN_FRAMES] for start in range(0, FRAMES, SPAN_FRAMES)]


def _count(create: Callable[[list[int]], FrameInterpolator]) -> int:
    """Calls for a whole clip, span by span as the stage asks for them. The frames are 1 pixel of a claimed size."""
    calls: list[int] = []
    interpolator = create(calls)
    base = torch.zeros((BASE_FRAMES, 3, 1, 1)).expand(-1, -1, SIDE, SIDE)
    for span in _spans():
        first = min(math.floor(span[0]), BASE_FRAMES - 2)
        interpolator(base[first : math.ceil(span[-1]) + 1], [position - first for position in span], lambda: None)
    return len(calls)


def _any_time(calls: list[int]) -> FrameInterpolator:
    def between(first: Tensor, _: Tensor, __: Tensor) -> Tensor:
        calls.append(len(first))
        return first

    return AnyTime(between)


def _midpoints(calls: list[int]) -> FrameInterpolator:
    def middle(first: Tensor, _: Tensor) -> Tensor:
        calls.append(len(first))
        return first

    return Midpoints(middle)


def _least_any_time() -> int:
    """Each frame that is no base frame, in full batches of the clip."""
    return math.ceil(sum(position % 1 > 0 for position in positions()) / BATCH)


def _least_midpoints() -> int:
    """Each level of halving of each span in full batches: a level needs the one before."""
    return sum(_levels([round(position * 2**HALVINGS) for position in span]) for span in _spans())


def _levels(wanted: Sequence[int]) -> int:
    calls = 0
    for level in range(HALVINGS):
        width = 2 ** (HALVINGS - level)
        middles = {at // width for at in wanted if at % width}
        calls += math.ceil(len(middles) / BATCH)
    return calls
