"""The picture itself: which stages run for which Spec, what runs at once, and what happens when one fails."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from pipeline.clip import Piece, Video
from pipeline.errors import StageFailed, StageLost
from pipeline.flow import Report, render
from pipeline.spec import Plan, Span, Spec
from tests.pipeline.test_spec import plan

pytestmark = pytest.mark.anyio

SPEC = Spec(prompt="a red circle")


@dataclass
class Names:
    """Stages whose frames are the names of what was done to them."""

    plan: Plan
    window: int = 2
    lose: set[int] = field(default_factory=set)
    lose_always: int | None = None
    fail: int | None = None
    calls: list[str] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    async def preprocess(self, spec: Spec) -> Plan:
        return self.plan

    async def generate(self, plan: Plan, report: Report) -> str:
        for step in range(1, 4):
            report.generated(step, 3)
        return "base"

    def interpolate(self, base: str, plan: Plan, span: Span) -> str:
        return f"{base} interpolated {span.start}-{span.stop}"

    def select(self, base: str, plan: Plan, span: Span) -> str:
        return f"{base} selected {span.start}-{span.stop}"

    def upscale(self, frames: str, plan: Plan) -> str:
        return f"{frames} x{plan.upscale}"

    async def encode(self, frames: str, plan: Plan, span: Span) -> Piece:
        self.calls.append(frames)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(0.002 * (10 - span.index))  # later spans are done first
            self._mishap(span)
        finally:
            self.under_way -= 1
        return Piece(span.index, frames.encode(), len(span))

    def _mishap(self, span: Span) -> None:
        if span.index == self.fail:
            raise StageFailed("upscale", "no luck")
        if span.index == self.lose_always:
            raise StageLost("upscale")
        if span.index in self.lose:
            self.lose.remove(span.index)
            raise StageLost("upscale")

    async def assemble(self, pieces: Sequence[Piece], plan: Plan) -> Video:
        return Video((), {"pieces": [piece.data.decode() for piece in pieces]})


@dataclass
class Heard:
    said: list[object] = field(default_factory=list)

    def planned(self, plan: Plan) -> None:
        self.said.append("planned")

    def generated(self, step: int, steps: int, preview: bytes | None = None) -> None:
        self.said.append((step, steps))

    def encoded(self, spans: int, of: int) -> None:
        self.said.append(f"{spans} of {of}")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.flow.PAUSES", (0, 0))


async def pieces(stages: Names, report: Heard | None = None) -> list[str]:
    video = await render(SPEC, stages, report or Heard())
    made: list[str] = video.resolved["pieces"]
    return made


async def test_everything_runs_for_a_video_that_is_larger_and_faster_than_its_base() -> None:
    assert await pieces(Names(plan(frames=40))) == [
        "base interpolated 0-16 x4", "base interpolated 16-32 x4", "base interpolated 32-40 x4",
    ]  # fmt: skip


async def test_at_the_base_rate_nothing_is_interpolated() -> None:
    assert await pieces(Names(plan(frames=16, fps=8, upscale=2))) == ["base selected 0-16 x2"]


async def test_at_the_base_size_nothing_is_upscaled() -> None:
    assert await pieces(Names(plan(frames=17, upscale=1))) == ["base interpolated 0-16", "base interpolated 16-17"]


@pytest.mark.parametrize("window", [1, 3])
async def test_no_more_spans_are_under_way_than_the_window_allows(window: int) -> None:
    stages = Names(plan(frames=16 * 8), window=window)
    await pieces(stages)
    assert stages.most_under_way == window


async def test_a_lost_replica_costs_its_span_another_try_and_nothing_else() -> None:
    stages = Names(plan(frames=48), lose={1})
    assert len(await pieces(stages)) == 3
    assert len(stages.calls) == 4


async def test_a_span_that_is_lost_again_and_again_loses_the_job() -> None:
    with pytest.raises(StageLost):
        await pieces(Names(plan(frames=48), lose_always=1))


async def test_a_stage_that_fails_fails_the_job_as_it_is_and_stops_the_other_spans() -> None:
    stages = Names(plan(frames=16 * 9), fail=0, window=2)
    with pytest.raises(StageFailed, match="upscale: no luck"):
        await pieces(stages)
    assert stages.under_way == 0
    assert len(stages.calls) < 9


async def test_the_report_hears_of_everything_in_order() -> None:
    heard = Heard()
    await pieces(Names(plan(frames=32)), heard)
    assert heard.said == ["planned", (1, 3), (2, 3), (3, 3), "0 of 2", "1 of 2", "2 of 2"]
