"""A video that begins with a frame of another one: what is planned, and which frame is read."""

import base64
import io
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.clip import EncodedSpan, Frames
from pipeline.contract.errors import StageFailed
from pipeline.contract.plan import Plan, image_hash
from pipeline.contract.spec import Format, Spec, VideoFrame
from pipeline.encoders import video
from pipeline.generators import images
from pipeline.stages.postprocess import Postprocess, recipe
from pipeline.stages.preprocess import Preprocess

Bars = Callable[[int, int, int], Frames]
REQUEST = Spec.model_validate({"prompt": "a fox", "model": "svd", "image_from": {"video_id": "0" * 32, "at": 1}})


@pytest.fixture
def source(bars: Bars) -> bytes:
    frames = bars(16, 96, 64)
    return video.join([EncodedSpan(0, video.encode(frames, 8, Format.MP4, lambda: None), 16)], 8, Format.MP4, {})


def test_a_frame_of_a_video_replaces_the_text_model_and_its_warning(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.stages.preprocess.is_available", lambda *_: True)

    plan = Preprocess(models_dir)(REQUEST)

    assert plan.image == ""
    assert not any("first frame" in warning for warning in plan.warnings)


def test_the_frame_fills_the_base_size_and_is_read_again_without_a_change(source: bytes) -> None:
    digest = sha256(source).hexdigest()

    text = Postprocess().frame(source, digest, 1.0, 64, 64, lambda: None)

    shown = video.frame_at(source, 1.0, lambda: None)
    expected = np.asarray(images.fill(Image.fromarray(shown), 64, 64))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))), expected)
    assert np.array_equal(np.asarray(images.decode(text, 64, 64)), expected)
    assert Postprocess().frame(source, digest, 1.0, 64, 64, lambda: None) == text


def test_a_damaged_source_fails(source: bytes) -> None:
    with pytest.raises(StageFailed, match="damaged"):
        Postprocess().frame(source[:-1], sha256(source).hexdigest(), 1.0, 64, 64, lambda: None)


def test_the_recipe_has_the_hash_of_the_image_also_after_a_restart(plan: Callable[..., Plan]) -> None:
    """A kept base clip has the plan with the hash in place of the image."""
    drawn = plan(image="aW1hZ2U=")
    kept = drawn.model_copy(update={"image": image_hash(drawn.image)})

    assert recipe(drawn)["image"] == recipe(kept)["image"] == f"sha256:{sha256(b'aW1hZ2U=').hexdigest()}"
    assert recipe(plan())["image"] == ""


def test_a_request_with_a_frame_of_a_video_can_be_stored_and_read() -> None:
    assert Spec.from_row(REQUEST.model_dump(mode="json")) == REQUEST
    assert REQUEST.image_from == VideoFrame(video_id="0" * 32, at=1)  # type: ignore[arg-type]
