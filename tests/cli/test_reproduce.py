"""`aura reproduce`: the same frames from the same recipe, and status 1 for others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.reproduce import Comparison, compare, written_request
from pipeline.clip import EncodedSpan, Frames
from pipeline.contract.spec import Format, Spec
from pipeline.encoders import video
from tests.cli.conftest import Aura, Remote
from tests.live import go_on


@pytest.fixture
def file(remote: Remote, home: Path) -> Path:
    """A downloaded video."""
    path = home / "video.mp4"
    remote.client.download(remote.client.result(remote.make_video()).video.url, path)
    return path


def test_every_frame_is_the_same(signed_in: Aura, file: Path, home: Path) -> None:
    result = signed_in("reproduce", file, "--remote", "-o", home / "again.mp4")
    assert result.exit_code == 0, result.output
    assert "the same, all 8 frames" in result.stdout
    assert (home / "again.mp4").read_bytes() == file.read_bytes()


def test_a_video_that_was_finished_again_is_drawn_anew(signed_in: Aura, remote: Remote, home: Path) -> None:
    job = remote.client.status(remote.make_video(prompt="a white disc"))
    assert job.video_id is not None
    *_, finished = remote.client.follow(remote.client.finish(job.video_id, fps=16).job_id)
    assert (finished.resolved or {})["reused_base"]
    path = home / "smooth.mp4"
    remote.client.download(remote.client.result(finished.job_id).video.url, path)
    result = signed_in("reproduce", path, "--remote")
    assert (result.exit_code, "the same, all 16 frames" in result.stdout) == (0, True), result.output


def test_the_video_can_be_named(signed_in: Aura, remote: Remote, file: Path) -> None:
    job = remote.client.status(remote.make_video())
    result = signed_in("reproduce", file, "--video", job.video_id, "--remote", "--json")
    assert (result.exit_code, json.loads(result.stdout)["same"]) == (0, True), result.output


def test_a_changed_file_is_not_the_same(signed_in: Aura, file: Path, remote: Remote) -> None:
    recipe = video.read_recipe(file) | {"seed": 8}
    changed = remote.client.result(remote.make_video(seed=99)).video
    remote.client.download(changed.url, file)
    file.write_bytes(file_of(decoded(file.read_bytes()), recipe))
    result = signed_in("reproduce", file, "--prompt", "a red circle", "--remote", "--json")
    assert result.exit_code == 1, result.output
    outcome = json.loads(result.stdout)
    assert (outcome["same"], outcome["frames"], outcome["different"]) == (False, 8, 8)


def file_of(frames: Frames, recipe: dict[str, Any]) -> bytes:
    data = video.encode(frames, 8, Format.MP4, go_on)
    return video.join([EncodedSpan(0, data, len(frames))], 8, Format.MP4, recipe)


def decoded(data: bytes) -> Frames:
    return np.stack(list(video.decode(data)))


def test_without_the_prompt_the_error_says_how_to_give_it(signed_in: Aura, file: Path, remote: Remote) -> None:
    other = video.read_recipe(file) | {"seed": 123456}
    for name in ("prompt", "negative_prompt", "original_prompt"):
        other.pop(name, None)
    file.write_bytes(file_of(decoded(file.read_bytes()), other))
    result = signed_in("reproduce", file, "--remote")
    assert (result.exit_code, "use --prompt" in result.stderr) == (2, True)


@pytest.mark.parametrize("content", [b"", b"not a video"])
def test_what_is_no_video_is_refused(aura: Aura, home: Path, content: bytes) -> None:
    (home / "file").write_bytes(content)
    result = aura("reproduce", home / "file")
    assert (result.exit_code, "not a video" in result.stderr) == (2, True)
    missing = aura("reproduce", home / "missing.mp4")
    assert (missing.exit_code, "No such file" in missing.stderr) == (2, True)


def test_a_file_of_another_program_is_refused(aura: Aura, home: Path) -> None:
    frames = np.zeros((8, 64, 64, 3), np.uint8)
    (home / "plain.mp4").write_bytes(file_of(frames, {}))
    result = aura("reproduce", home / "plain.mp4")
    assert (result.exit_code, "has no recipe" in result.stderr) == (2, True)


def test_frames_are_compared_one_by_one() -> None:
    frames = np.zeros((8, 64, 64, 3), np.uint8)
    longer = np.concatenate([frames, frames[:2]])
    one, two = (file_of(each, {}) for each in (frames, longer))
    assert compare(one, one) == Comparison(frames=8, different=0, first_different=None)
    assert compare(one, two) == Comparison(frames=8, different=2, first_different=8)
    assert compare(two, one) == Comparison(frames=10, different=2, first_different=8)


def test_a_recipe_with_its_words_is_a_request() -> None:
    recipe = {
        "software": "AuraAnim", "prompt": "a red circle, best quality", "original_prompt": "a red circle", "seed": 7,
        "model": "tiny", "revision": "abc", "scheduler": "ddim", "num_inference_steps": 4, "guidance_scale": 2.0,
        "width": 64, "height": 64, "fps": 8, "frames": 8, "format": "gif", "duration_seconds": 1.0, "loras": [],
        "loop": True, "denoise_strength": 0.5, "upscaler": "realesr-general-x4v3", "upscale": 4,
    }  # fmt: skip
    spec = Spec.model_validate(written_request(recipe))
    assert (spec.prompt, spec.enhance_prompt, spec.upscaler, spec.format) == ("a red circle", True, "fast", "gif")
    assert (spec.seed, spec.revision, spec.loop, spec.frames) == (7, "abc", True, 8)
