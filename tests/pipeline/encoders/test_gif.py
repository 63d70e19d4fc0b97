import io
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from pipeline.clip import Frames
from pipeline.encoders import gif

Bars = Callable[[int, int, int], Frames]


def encode(frames: Frames, fps: int, span: int = 16, text: str = "") -> bytes:
    parts = [frames[start : start + span] for start in range(0, len(frames), span)]
    return gif.join([gif.encode(part, fps, lambda: None) for part in parts], fps, text)


def delays(data: bytes) -> list[int]:
    """The delays in hundredths of a second, read by Pillow."""
    with Image.open(io.BytesIO(data)) as image:
        read = []
        for index in range(image.n_frames):
            image.seek(index)
            read.append(image.info["duration"] // 10)
        return read


def decode(data: bytes) -> Frames:
    with Image.open(io.BytesIO(data)) as image:
        frames = []
        for index in range(image.n_frames):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")))
        return np.stack(frames)


@pytest.mark.parametrize("fps", [8, 12, 24, 25, 30, 50])
def test_rounding_errors_of_the_delays_do_not_add_up(fps: int, bars: Bars) -> None:
    shown = delays(encode(bars(2 * fps, 64, 64), fps))

    assert len(shown) == 2 * fps
    assert sum(shown) == 200
    assert min(shown) >= 2
    assert max(shown) - min(shown) <= 1


def test_flat_colours_are_exact_and_frames_differ(bars: Bars) -> None:
    frames = bars(20, 160, 96)

    shown = decode(encode(frames, 24))

    assert np.abs(shown.astype(int) - frames).max() <= 4
    assert all((a != b).any() for a, b in pairwise(shown))


def test_every_span_has_its_own_palette() -> None:
    """With a common palette, spans in other colours than the first would be wrong."""
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    frames = np.zeros((4, 64, 64, 3), np.uint8)
    for index in range(4):
        frames[index, :, :, index % 3] = ramp

    shown = decode(encode(frames, 8, span=1))

    assert np.abs(shown.astype(int) - frames).mean() < 2


def test_a_frame_with_a_local_palette_keeps_it() -> None:
    colours = ((250, 10, 10), (10, 250, 10), (10, 10, 250))
    first, *others = (Image.new("RGB", (64, 64), colour) for colour in colours)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=100)

    shown = decode(gif.join([file.getvalue()], 10, ""))

    assert [tuple(frame[0, 0].tolist()) for frame in shown] == list(colours)


def test_gradients_are_approximated() -> None:
    y, x = np.mgrid[0:96, 0:160]
    frame = np.stack([x * 255 // 159, y * 255 // 95, (x + y) * 255 // 254], axis=-1).astype(np.uint8)

    shown = decode(encode(frame[None], 8))

    assert np.abs(shown.astype(int) - frame).mean() < 12


def test_it_loops_forever(bars: Bars) -> None:
    with Image.open(io.BytesIO(encode(bars(4, 64, 64), 8))) as image:
        assert image.info["loop"] == 0


@pytest.mark.parametrize("text", ["", "short", "ä" * 700])
def test_the_comment_can_be_read_back(text: str, bars: Bars) -> None:
    assert gif.comment(encode(bars(2, 64, 64), 8, text=text)) == text


def test_a_gif_without_comment_has_an_empty_one(bars: Bars) -> None:
    assert gif.comment(gif.encode(bars(2, 64, 64), 8, lambda: None)) == ""
