import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from pipeline.clip import Clip, Frames
from pipeline.stages import webp


def test_a_still_keeps_its_size_and_colours(bars: Callable[..., Frames]) -> None:
    frame = bars(1, 320, 180)[0]

    picture = Image.open(io.BytesIO(webp.still(frame)))

    assert (picture.format, picture.size) == ("WEBP", (320, 180))
    assert np.abs(np.asarray(picture).astype(int) - frame).mean() < 6


def test_an_animation_keeps_its_time(bars: Callable[..., Frames]) -> None:
    data = webp.moving(bars(7, 320, 180), 24, 300_000, 160)

    assert webp.facts(data)[:3] == (160, 90, 7)
    assert webp.facts(data)[3] == pytest.approx(7 / 24, abs=0.001)
    assert Image.open(io.BytesIO(data)).info["loop"] == 0


@pytest.mark.parametrize("most", [100_000, 30_000, 5_000])
def test_an_animation_stays_below_its_limit(noise: Callable[..., Clip], most: int) -> None:
    data = webp.moving(noise(8, 128, 128).frames, 8, most, 320)

    width, height, frames, seconds = webp.facts(data)
    assert len(data) <= most
    assert width == height >= 32
    assert frames >= 1
    assert seconds == pytest.approx(1.0, abs=0.01)


def test_a_few_frames_are_spread_over_all() -> None:
    assert webp.few(range(16), 4) == [0, 5, 10, 15]
    assert webp.few(range(3), 8) == [0, 1, 2]
    assert webp.few(range(1), 8) == [0]


def test_small_frames_stay_as_they_are(noise: Callable[..., Clip]) -> None:
    frame = noise(1, 40, 72).frames[0]

    assert np.array_equal(webp.small(frame, 320), frame)
    assert webp.small(frame, 36).shape == (20, 36, 3)
