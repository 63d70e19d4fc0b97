import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from pipeline.clip import Clip, Frames
from pipeline.encoders import webp


def test_a_still_keeps_its_size_and_colours(bars: Callable[..., Frames]) -> None:
    frame = bars(1, 320, 180)[0]

    image = Image.open(io.BytesIO(webp.encode_still(frame)))

    assert (image.format, image.size) == ("WEBP", (320, 180))
    assert np.abs(np.asarray(image).astype(int) - frame).mean() < 6


def test_an_animation_keeps_its_duration_and_loops(bars: Callable[..., Frames]) -> None:
    data = webp.encode_animation(bars(7, 320, 180), 24, 300_000, 160)

    assert webp.probe(data)[:3] == (160, 90, 7)
    assert webp.probe(data)[3] == pytest.approx(7 / 24, abs=0.001)
    assert Image.open(io.BytesIO(data)).info["loop"] == 0


@pytest.mark.parametrize("max_bytes", [100_000, 30_000, 5_000])
def test_an_animation_stays_below_its_size_limit(noise: Callable[..., Clip], max_bytes: int) -> None:
    data = webp.encode_animation(noise(8, 128, 128).frames, 8, max_bytes, 320)

    width, height, frames, seconds = webp.probe(data)
    assert len(data) <= max_bytes
    assert width == height >= 32
    assert frames >= 1
    assert seconds == pytest.approx(1.0, abs=0.01)


def test_indexes_are_spread_evenly() -> None:
    assert webp.spread(16, 4) == [0, 5, 10, 15]
    assert webp.spread(3, 8) == [0, 1, 2]
    assert webp.spread(1, 8) == [0]


def test_frames_are_shrunk_and_never_enlarged(noise: Callable[..., Clip]) -> None:
    frame = noise(1, 40, 72).frames[0]

    assert np.array_equal(webp.shrink(frame, 320), frame)
    assert webp.shrink(frame, 36).shape == (20, 36, 3)
