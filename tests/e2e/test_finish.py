"""A video is finished again from its base clip: the file has the new properties, and nothing was drawn."""

import io
from fractions import Fraction
from typing import Any

import av
import httpx
import pytest

from cli.client import ApiError
from tests.e2e.conftest import RunningSystem

PROMPT = "a red circle moving right on a blue background"


def request(system: RunningSystem, method: str, path: str, **options: Any) -> Any:
    return system.client._request(method, path, **options)


def test_a_video_is_finished_with_another_rate_size_and_format(system: RunningSystem) -> None:
    spec = {"prompt": PROMPT, "width": 128, "height": 128, "fps": 8, "duration_seconds": 2}
    drawn = system.wait_for(system.client.generate(spec))
    video = request(system, "GET", f"/api/videos/{drawn['video_id']}")
    assert video["finishable"]
    body = {"fps": 20, "width": 256, "height": 256, "format": "webm"}
    job = system.wait_for(request(system, "POST", f"/api/videos/{video['id']}/finish", json=body)["job_id"])
    assert job["status"] == "succeeded", job["error"]
    stages = {stage["name"]: stage for stage in job["progress"]["stages"]}
    assert (stages["generate"]["status"], stages["generate"]["duration_ms"]) == ("skipped", None)
    assert stages["interpolate"]["status"] == stages["upscale"]["status"] == "done"
    finished = request(system, "GET", f"/api/videos/{job['video_id']}")
    assert (finished["finished_from"], finished["format"], finished["finishable"]) == (video["id"], "webm", True)
    assert (finished["resolved"]["reused_base"], video["resolved"]["reused_base"]) == (True, False)
    assert finished["resolved"]["seed"] == video["resolved"]["seed"]
    check_file(httpx.get(finished["video"]["url"]).content)
    assert finished["poster"]["width"] == 256

    recipe = request(system, "GET", f"/api/videos/{video['id']}/recipe")
    repeated = system.wait_for(system.client.generate(recipe))
    first, again = (system.client.result(each["job_id"]).outputs[0] for each in (drawn, repeated))
    assert first.sha256 == again.sha256


def check_file(data: bytes) -> None:
    with av.open(io.BytesIO(data)) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (256, 256, Fraction(20))
        assert "webm" in file.format.name
        assert sum(1 for _ in file.decode(stream)) == 40


def test_another_revision_of_the_model_is_refused(system: RunningSystem) -> None:
    spec = {"prompt": PROMPT, "width": 64, "height": 64, "fps": 8, "duration_seconds": 1, "revision": "0" * 12}
    job = system.wait_for(system.client.generate(spec))
    assert (job["status"], job["error"]["code"]) == ("failed", "refused")
    assert "revision" in job["error"]["message"]


def test_an_unknown_video_is_not_finished(system: RunningSystem) -> None:
    with pytest.raises(ApiError) as error:
        request(system, "POST", "/api/videos/00000000-0000-7000-8000-000000000000/finish", json={})
    assert error.value.status == 404
