"""What was asked for is what is delivered: read back from the file that came over HTTP."""

import hashlib
import io
import json
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import httpx
import numpy as np
import pytest

from pipeline.clip import Frames
from tests.e2e.conftest import Running

PROMPT = "a red circle moving right on a blue background"

#            width, height, fps, seconds, format
REQUESTS = [
    (256, 256, 8, 1, "mp4"),
    (512, 512, 24, 2, "mp4"),
    (640, 360, 30, 3, "webm"),
    (360, 640, 24, 1.5, "mp4"),
    (256, 256, 24, 4, "gif"),
    (320, 180, 8, 2, "webm"),
    (1024, 576, 24, 1, "mp4"),
    (1024, 1024, 8, 1, "mp4"),
    (64, 64, 60, 1, "mp4"),
]


def frames(data: bytes) -> Frames:
    with av.open(io.BytesIO(data)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


NAMES = [f"{width}x{height}-{fps}fps-{seconds}s-{format_}" for width, height, fps, seconds, format_ in REQUESTS]


@pytest.mark.parametrize(("width", "height", "fps", "seconds", "format_"), REQUESTS, ids=NAMES)
def test_the_file_is_what_was_asked_for(
    system: Running, width: int, height: int, fps: int, seconds: float, format_: str
) -> None:
    described, data = system.video(
        prompt=PROMPT, width=width, height=height, fps=fps, duration_seconds=seconds, format=format_, seed=3
    )
    count = round(seconds * fps)
    with av.open(io.BytesIO(data)) as file:
        stream = file.streams.video[0]
        times = [float(frame.pts * frame.time_base) for frame in file.decode(stream)]
        assert (stream.width, stream.height) == (width, height)
        assert {"mp4": "mp4", "webm": "webm", "gif": "gif"}[format_] in file.format.name
        if format_ != "gif":
            assert stream.average_rate == Fraction(fps)
    assert len(times) == count
    tick = 0.0101 if format_ == "gif" else 0.0011
    assert all(abs(later - sooner - 1 / fps) <= tick for sooner, later in pairwise(times))
    promised = {"width": width, "height": height, "fps": fps, "frames": count, "size_bytes": len(data)}
    assert {name: described[name] for name in promised} == promised
    assert described["duration"] == pytest.approx(count / fps, abs=0.011)
    assert described["sha256"] == hashlib.sha256(data).hexdigest()


def test_the_same_seed_gives_the_same_frames_and_another_seed_others(system: Running) -> None:
    asked = {"prompt": PROMPT, "width": 128, "height": 128, "duration_seconds": 1, "fps": 8}
    first, again, other = (frames(system.video(**asked, seed=seed)[1]) for seed in (11, 11, 12))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_steps_guidance_and_the_negative_prompt_reach_the_model(system: Running) -> None:
    asked: dict[str, Any] = {"prompt": PROMPT, "width": 64, "height": 64, "duration_seconds": 1, "fps": 8, "seed": 5}
    plain = frames(system.video(**asked)[1])
    changes = ({"num_inference_steps": 3}, {"guidance_scale": 6.0}, {"negative_prompt": "red"}, {"scheduler": "euler"})
    for change in changes:
        described, data = system.video(**(asked | change))
        assert not np.array_equal(plain, frames(data)), change
        assert described["resolved"] | change == described["resolved"]


def test_the_resolved_request_makes_the_same_video_again(system: Running) -> None:
    asked = {"prompt": PROMPT, "width": 128, "height": 64, "duration_seconds": 1, "fps": 8}
    first, data = system.video(**asked)
    again, same = system.video(**asked, seed=first["resolved"]["seed"])
    assert np.array_equal(frames(data), frames(same))
    assert again["resolved"] == first["resolved"]


def test_the_recipe_travels_in_the_file(system: Running) -> None:
    _, data = system.video(prompt=PROMPT, width=64, height=64, duration_seconds=1, fps=8, seed=77)
    with av.open(io.BytesIO(data)) as file:
        recipe = json.loads(file.metadata["comment"])
    assert (recipe["prompt"], recipe["seed"], recipe["model"]) == (PROMPT, 77, "tiny")


def test_without_json_the_result_is_a_redirect_to_the_bytes(system: Running) -> None:
    job_id = system.client.generate({"prompt": PROMPT, "width": 64, "height": 64, "duration_seconds": 1, "fps": 8})
    assert system.finish(job_id)["status"] == "succeeded"
    token = {"Authorization": f"Bearer {system.client._token}"}
    answer = httpx.get(f"{system.url}/api/result/{job_id}", headers=token)
    assert answer.is_redirect
    link = httpx.URL(system.url).join(answer.headers["location"])
    part = httpx.get(link, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")


def test_poster_and_preview_come_with_the_video(system: Running) -> None:
    job_id = system.client.generate({"prompt": PROMPT, "width": 512, "height": 288, "duration_seconds": 1, "fps": 24})
    assert system.finish(job_id)["status"] == "succeeded"
    outputs = {output["kind"]: output for output in system.client.result(job_id)["outputs"]}
    assert set(outputs) == {"video", "poster", "preview"}
    assert outputs["poster"]["content_type"] == outputs["preview"]["content_type"] == "image/webp"
    assert (outputs["poster"]["width"], outputs["poster"]["height"]) == (512, 288)
    assert outputs["preview"]["frames"] > 1
    assert outputs["preview"]["size_bytes"] <= 300_000
