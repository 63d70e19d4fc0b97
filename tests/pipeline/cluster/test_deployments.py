"""A replica without Serve: its results, its errors, and cancelled calls."""

import asyncio
import base64
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from db.settings import StorageSettings
from db.storage.open import open_storage
from pipeline.clip import Clip
from pipeline.cluster.deployments import (
    GenerateDeployment,
    InterpolateDeployment,
    PostprocessDeployment,
    UpscaleDeployment,
)
from pipeline.cluster.replica import FINISHED, StageReplica, TimedClip
from pipeline.contract.errors import ImageGone, OutOfMemory, StageFailed
from pipeline.contract.source_file import SourceFile
from pipeline.contract.spec import Format
from pipeline.encoders import video
from pipeline.settings import PipelineSettings
from tests.pipeline.odd_stages import generate, upscale

SETTINGS = PipelineSettings(stages="tests.pipeline.odd_stages")
CLIP = TimedClip(Clip(np.zeros((1, 8, 8, 3), np.uint8), 8), {"generate": 1.5})


@pytest.fixture
def upscaler() -> UpscaleDeployment:
    upscale.Upscale.most_at_once = 0
    upscale.Upscale.started.clear()
    return UpscaleDeployment(SETTINGS)


async def run(upscaler: UpscaleDeployment, instruction: str) -> TimedClip:
    """The clip that a call streams, followed by FINISHED."""
    clip, finished = [item async for item in upscaler(CLIP, instruction)]  # type: ignore[arg-type]
    assert isinstance(clip, TimedClip)
    assert finished is FINISHED
    return clip


async def test_a_stage_returns_its_frames_and_the_seconds_of_every_stage(upscaler: UpscaleDeployment) -> None:
    processed = await run(upscaler, "pass on")
    assert processed.clip is CLIP.clip
    assert processed.seconds["generate"] == 1.5
    assert processed.seconds["upscale"] >= 0


async def test_a_stage_is_loaded_in_the_thread_that_will_run_it(upscaler: UpscaleDeployment) -> None:
    assert upscaler._object.loaded_in.startswith("upscale")


@pytest.mark.parametrize("deployment", [GenerateDeployment, InterpolateDeployment, UpscaleDeployment])
def test_every_stage_with_networks_warms_up_the_model_of_the_deployment(
    deployment: type[StageReplica], monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed: list[tuple[str, str]] = []

    class Stage:
        def __init__(self, *_: object) -> None:
            pass

        def warm_up(self, name: str) -> None:
            warmed.append((threading.current_thread().name.rpartition("_")[0], name))

    monkeypatch.setattr(deployment, "_stage_class", lambda _: Stage)

    deployment(PipelineSettings(_env_file=None, model_variant="animatediff"))

    assert warmed == [(deployment.stage, "animatediff")]


async def test_an_unexpected_error_is_raised_with_the_name_of_the_stage(upscaler: UpscaleDeployment) -> None:
    with pytest.raises(StageFailed) as caught:
        await run(upscaler, "raise")
    assert str(caught.value) == "upscale: ValueError: the picture is upside down"


async def test_a_pipeline_error_is_raised_unchanged(upscaler: UpscaleDeployment) -> None:
    with pytest.raises(OutOfMemory):
        await run(upscaler, "too large")


async def test_a_cancelled_call_holds_its_slot_until_the_thread_has_stopped(upscaler: UpscaleDeployment) -> None:
    """Two diffusions on one GPU: the second must not begin while the first still runs."""
    first = asyncio.create_task(run(upscaler, "until stopped"))
    await asyncio.to_thread(upscale.Upscale.started.wait, 5)
    second = asyncio.create_task(run(upscaler, "until stopped"))
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


async def test_a_call_cancelled_while_it_waits_never_starts(upscaler: UpscaleDeployment) -> None:
    first = asyncio.create_task(run(upscaler, "until stopped"))
    await asyncio.to_thread(upscale.Upscale.started.wait, 5)
    waiting = asyncio.create_task(run(upscaler, "raise"))
    await asyncio.sleep(0.05)
    waiting.cancel()
    first.cancel()
    outcomes = await asyncio.gather(first, waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2


async def everything(events: list[dict[str, Any]]) -> None:
    async for event in GenerateDeployment(SETTINGS)("a plan"):  # type: ignore[arg-type]
        events.append(event)


async def test_generate_streams_its_steps_and_then_raises_its_error() -> None:
    events: list[dict[str, Any]] = []
    with pytest.raises(StageFailed, match="generate: ValueError: no colours left"):
        await everything(events)
    began, *steps = events
    assert began == {"began": True}
    assert [event["step"] for event in steps] == list(range(1, 11))
    assert [event["step"] for event in steps if event["preview"]] == [5]


async def test_generate_stops_within_one_step_after_the_stream_is_closed() -> None:
    stream = GenerateDeployment(SETTINGS)("a plan")  # type: ignore[arg-type]
    assert "began" in await anext(stream)
    assert "step" in await anext(stream)
    await stream.aclose()
    stopped_at = generate.Generate.last_step
    await asyncio.sleep(0.1)
    assert generate.Generate.last_step == stopped_at < 5


async def test_a_frame_is_read_from_the_object_store(tmp_path: Path) -> None:
    stored = StorageSettings(_env_file=None, storage_dir=str(tmp_path), storage_signing_key="k" * 32)
    data = video.encode(np.zeros((2, 64, 64, 3), np.uint8), 8, Format.MP4, lambda: None)
    await open_storage(stored).put("jobs/1/1/video.mp4", data, "video/mp4")
    replica = PostprocessDeployment(PipelineSettings(_env_file=None), storage=stored)
    source = SourceFile(key="jobs/1/1/video.mp4", sha256=sha256(data).hexdigest())

    frame = await replica.frame(source, 0.1, 32, 32)

    assert base64.b64decode(frame).startswith(b"\x89PNG")
    with pytest.raises(ImageGone):
        await replica.frame(source.model_copy(update={"key": "jobs/1/2/video.mp4"}), 0.1, 32, 32)
