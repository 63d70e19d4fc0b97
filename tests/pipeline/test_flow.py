"""The flow: which stages run for which Spec, what runs concurrently, and what happens when a stage fails."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from tenacity import wait_none

from pipeline.clip import EncodedSpan, Video
from pipeline.contract.errors import StageFailed, StageLost
from pipeline.contract.plan import Plan, Span
from pipeline.contract.spec import Spec
from pipeline.flow import ProgressListener, render
from tests.pipeline.contract.test_plan import create_plan as plan

pytestmark = pytest.mark.anyio

SPEC = Spec(prompt="a red circle")


@dataclass
class NamingStages:
    """Stages whose frames are strings that name the applied stages."""

    plan: Plan
    window: int = 2
    lose: set[int] = field(default_factory=set)
    lose_always: int | None = None
    fail: int | None = None
    calls: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    async def preprocess(self, spec: Spec) -> Plan:
        return self.plan

    async def generate(self, plan: Plan, listener: ProgressListener) -> str:
        for step in range(1, 4):
            listener.generated(step, 3)
        return "base"

    def interpolate(self, base: str, plan: Plan, span: Span) -> str:
        return f"{base} interpolated {span.start}-{span.stop}"

    def select(self, base: str, plan: Plan, span: Span) -> str:
        return f"{base} selected {span.start}-{span.stop}"

    def upscale(self, frames: str, plan: Plan) -> str:
        return f"{frames} x{plan.upscale}"

    async def encode(self, frames: str, plan: Plan, span: Span) -> EncodedSpan:
        self.calls.append(frames)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(0.002 * (10 - span.index))  # later spans finish first
            self._fail_if_configured(span)
        finally:
            self.in_flight -= 1
        return EncodedSpan(span.index, frames.encode(), len(span))

    def _fail_if_configured(self, span: Span) -> None:
        if span.index == self.fail:
            raise StageFailed("upscale", "no luck")
        if span.index == self.lose_always:
            raise StageLost("upscale")
        if span.index in self.lose:
            self.lose.remove(span.index)
            raise StageLost("upscale")

    async def assemble(self, spans: Sequence[EncodedSpan], plan: Plan) -> Video:
        return Video((), {"spans": [span.data.decode() for span in spans]})


@dataclass
class Recorder:
    events: list[object] = field(default_factory=list)

    def planned(self, plan: Plan) -> None:
        self.events.append("planned")

    def generated(self, step: int, steps: int, preview: bytes | None = None) -> None:
        self.events.append((step, steps))

    def encoded(self, spans: int, of: int) -> None:
        self.events.append(f"{spans} of {of}")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.flow.LOST_WAIT", wait_none())
    monkeypatch.setattr("pipeline.flow.LOST_ATTEMPTS", 3)


async def rendered_spans(stages: NamingStages, listener: Recorder | None = None) -> list[str]:
    video = await render(SPEC, stages, listener or Recorder())
    spans: list[str] = video.resolved["spans"]
    return spans


async def test_a_larger_and_faster_video_is_interpolated_and_upscaled() -> None:
    assert await rendered_spans(NamingStages(plan(frames=40))) == [
        "base interpolated 0-16 x4", "base interpolated 16-32 x4", "base interpolated 32-40 x4",
    ]  # fmt: skip


async def test_at_the_base_rate_nothing_is_interpolated() -> None:
    assert await rendered_spans(NamingStages(plan(frames=16, fps=8, upscale=2))) == ["base selected 0-16 x2"]


async def test_at_the_base_size_nothing_is_upscaled() -> None:
    assert await rendered_spans(NamingStages(plan(frames=17, upscale=1))) == [
        "base interpolated 0-16",
        "base interpolated 16-17",
    ]


@pytest.mark.parametrize("window", [1, 3])
async def test_the_window_bounds_the_spans_in_flight(window: int) -> None:
    stages = NamingStages(plan(frames=16 * 8), window=window)
    await rendered_spans(stages)
    assert stages.most_in_flight == window


async def test_a_lost_replica_repeats_its_span_only() -> None:
    stages = NamingStages(plan(frames=48), lose={1})
    assert len(await rendered_spans(stages)) == 3
    assert len(stages.calls) == 4


async def test_a_span_lost_in_every_attempt_fails_the_job() -> None:
    with pytest.raises(StageLost):
        await rendered_spans(NamingStages(plan(frames=48), lose_always=1))


async def test_a_failed_stage_fails_the_job_and_cancels_the_other_spans() -> None:
    stages = NamingStages(plan(frames=16 * 9), fail=0, window=2)
    with pytest.raises(StageFailed, match="upscale: no luck"):
        await rendered_spans(stages)
    assert stages.in_flight == 0
    assert len(stages.calls) < 9


async def test_the_listener_receives_every_event_in_order() -> None:
    recorder = Recorder()
    await rendered_spans(NamingStages(plan(frames=32)), recorder)
    assert recorder.events == ["planned", (1, 3), (2, 3), (3, 3), "0 of 2", "1 of 2", "2 of 2"]
