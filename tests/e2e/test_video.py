"""The downloaded file has the requested properties."""

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
from tests.e2e.conftest import RunningSystem

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
def test_the_file_has_the_requested_size_rate_duration_and_format(
    system: RunningSystem, width: int, height: int, fps: int, seconds: float, format_: str
) -> None:
    described, data = system.generate(
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
    assert all(abs(later - earlier - 1 / fps) <= tick for earlier, later in pairwise(times))
    expected = {"width": width, "height": height, "fps": fps, "frames": count, "size_bytes": len(data)}
    assert {name: described[name] for name in expected} == expected
    assert described["duration"] == pytest.approx(count / fps, abs=0.011)
    assert described["sha256"] == hashlib.sha256(data).hexdigest()


def test_equal_seeds_give_equal_frames_and_different_seeds_different_ones(system: RunningSystem) -> None:
    spec = {"prompt": PROMPT, "width": 128, "height": 128, "duration_seconds": 1, "fps": 8}
    first, again, other = (frames(system.generate(**spec, seed=seed)[1]) for seed in (11, 11, 12))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_steps_guidance_negative_prompt_and_scheduler_change_the_frames(system: RunningSystem) -> None:
    spec: dict[str, Any] = {"prompt": PROMPT, "width": 64, "height": 64, "duration_seconds": 1, "fps": 8, "seed": 5}
    plain = frames(system.generate(**spec)[1])
    changes = ({"num_inference_steps": 3}, {"guidance_scale": 6.0}, {"negative_prompt": "red"}, {"scheduler": "euler"})
    for change in changes:
        described, data = system.generate(**(spec | change))
        assert not np.array_equal(plain, frames(data)), change
        assert described["resolved"] | change == described["resolved"]


def test_the_resolved_seed_reproduces_the_video(system: RunningSystem) -> None:
    spec = {"prompt": PROMPT, "width": 128, "height": 64, "duration_seconds": 1, "fps": 8}
    first, data = system.generate(**spec)
    again, same_data = system.generate(**spec, seed=first["resolved"]["seed"])
    assert np.array_equal(frames(data), frames(same_data))
    assert again["resolved"] == first["resolved"]


def test_the_request_is_stored_in_the_metadata_of_the_file(system: RunningSystem) -> None:
    spec = {"prompt": PROMPT, "width": 64, "height": 64, "duration_seconds": 1, "fps": 8, "seed": 77}
    found = []
    for embed_prompt in (False, True):
        _, data = system.generate(**spec, embed_prompt=embed_prompt)
        with av.open(io.BytesIO(data)) as file:
            metadata = json.loads(file.metadata["comment"])
        found.append((metadata.get("prompt"), metadata["seed"], metadata["model"]))
    assert found == [(None, 77, "tiny"), (PROMPT, 77, "tiny")]


def test_the_result_without_accept_json_is_a_redirect_to_the_file(system: RunningSystem) -> None:
    job_id = system.client.generate({"prompt": PROMPT, "width": 64, "height": 64, "duration_seconds": 1, "fps": 8})
    assert system.wait_for(job_id)["status"] == "succeeded"
    token = {"Authorization": f"Bearer {system.client._token}"}
    response = httpx.get(f"{system.url}/api/result/{job_id}", headers=token)
    assert response.is_redirect
    link = httpx.URL(system.url).join(response.headers["location"])
    part = httpx.get(link, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")


def test_a_video_has_a_poster_and_a_preview(system: RunningSystem) -> None:
    job_id = system.client.generate({"prompt": PROMPT, "width": 512, "height": 288, "duration_seconds": 1, "fps": 24})
    assert system.wait_for(job_id)["status"] == "succeeded"
    outputs = {output.kind: output for output in system.client.result(job_id).outputs}
    assert set(outputs) == {"video", "poster", "preview", "spritesheet"}
    assert outputs["poster"].content_type == outputs["preview"].content_type == "image/webp"
    assert (outputs["poster"].width, outputs["poster"].height) == (512, 288)
    assert outputs["preview"].frames > 1
    assert outputs["preview"].size_bytes <= 300_000
