"""A replica by itself: what leaves it when a stage raises, and what happens when a call is cancelled."""

import asyncio
from typing import Any

import numpy as np
import pytest

from pipeline.clip import Clip
from pipeline.errors import OutOfMemory, StageFailed
from pipeline.serve import Generate, Handed, Upscale
from pipeline.settings import PipelineSettings
from tests.pipeline.odd_stages import generate, upscale

SETTINGS = PipelineSettings(stages="tests.pipeline.odd_stages")
CLIP = Handed(Clip(np.zeros((1, 8, 8, 3), np.uint8), 8), {"generate": 1.5})


@pytest.fixture
def upscaler() -> Upscale:
    upscale.Upscale.most_at_once = 0
    upscale.Upscale.started.clear()
    return Upscale(SETTINGS)


async def test_a_stage_hands_on_its_frames_and_what_was_spent_on_them(upscaler: Upscale) -> None:
    handed = await upscaler(CLIP, "pass on")  # type: ignore[arg-type]
    assert handed.clip is CLIP.clip
    assert handed.seconds["generate"] == 1.5
    assert handed.seconds["upscale"] >= 0


async def test_a_stage_is_loaded_in_the_thread_that_will_run_it(upscaler: Upscale) -> None:
    assert upscaler._work.loaded_in.startswith("upscale")


async def test_what_a_stage_raises_leaves_with_the_name_of_the_stage(upscaler: Upscale) -> None:
    with pytest.raises(StageFailed) as caught:
        await upscaler(CLIP, "raise")  # type: ignore[arg-type]
    assert str(caught.value) == "upscale: ValueError: the picture is upside down"


async def test_a_failure_that_has_a_name_keeps_it(upscaler: Upscale) -> None:
    with pytest.raises(OutOfMemory):
        await upscaler(CLIP, "too large")  # type: ignore[arg-type]


async def test_a_cancelled_call_holds_its_slot_until_the_thread_has_stopped(upscaler: Upscale) -> None:
    """Two diffusions on one card are what this is about: the second must not begin while the first still runs."""
    first = asyncio.create_task(upscaler(CLIP, "until stopped"))  # type: ignore[arg-type]
    await asyncio.to_thread(upscale.Upscale.started.wait, 5)
    second = asyncio.create_task(upscaler(CLIP, "until stopped"))  # type: ignore[arg-type]
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert upscale.Upscale.at_once <= 1
    await asyncio.sleep(0.2)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert upscale.Upscale.at_once == 0
    assert upscale.Upscale.most_at_once == 1


async def test_a_call_cancelled_while_it_waits_never_starts(upscaler: Upscale) -> None:
    first = asyncio.create_task(upscaler(CLIP, "until stopped"))  # type: ignore[arg-type]
    await asyncio.to_thread(upscale.Upscale.started.wait, 5)
    waiting = asyncio.create_task(upscaler(CLIP, "raise"))  # type: ignore[arg-type]
    await asyncio.sleep(0.05)
    waiting.cancel()
    first.cancel()
    outcomes = await asyncio.gather(first, waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2


async def everything(events: list[dict[str, Any]]) -> None:
    async for event in Generate(SETTINGS)("a plan"):  # type: ignore[arg-type]
        events.append(event)


async def test_generate_streams_its_steps_and_then_raises_what_it_met() -> None:
    events: list[dict[str, Any]] = []
    with pytest.raises(StageFailed, match="generate: ValueError: no colours left"):
        await everything(events)
    began, *steps = events
    assert began == {"began": True}
    assert [event["step"] for event in steps] == list(range(1, 11))
    assert [event["step"] for event in steps if event["preview"]] == [5]


async def test_generate_stops_within_one_step_when_nobody_listens_any_more() -> None:
    stream = Generate(SETTINGS)("a plan")  # type: ignore[arg-type]
    assert "began" in await anext(stream)
    assert "step" in await anext(stream)
    await stream.aclose()
    stopped_at = generate.Generate.last_step
    await asyncio.sleep(0.1)
    assert generate.Generate.last_step == stopped_at < 5
