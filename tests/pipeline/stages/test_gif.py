import io
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from pipeline.clip import Frames
from pipeline.stages import gif

Bars = Callable[[int, int, int], Frames]


def made(frames: Frames, fps: int, span: int = 16, text: str = "") -> bytes:
    parts = [frames[start : start + span] for start in range(0, len(frames), span)]
    return gif.join([gif.encode(part, fps, lambda: None) for part in parts], fps, text)


def delays(data: bytes) -> list[int]:
    """Hundredths of a second, as another reader sees them."""
    with Image.open(io.BytesIO(data)) as picture:
        found = []
        for number in range(picture.n_frames):
            picture.seek(number)
            found.append(picture.info["duration"] // 10)
        return found


def pictures(data: bytes) -> Frames:
    with Image.open(io.BytesIO(data)) as picture:
        shown = []
        for number in range(picture.n_frames):
            picture.seek(number)
            shown.append(np.asarray(picture.convert("RGB")))
        return np.stack(shown)


@pytest.mark.parametrize("fps", [8, 12, 24, 25, 30, 50])
def test_errors_of_the_coarse_clock_never_add_up(fps: int, bars: Bars) -> None:
    shown = delays(made(bars(2 * fps, 64, 64), fps))

    assert len(shown) == 2 * fps
    assert sum(shown) == 200
    assert min(shown) >= 2
    assert max(shown) - min(shown) <= 1


def test_flat_colours_are_exact_and_moving_things_move(bars: Bars) -> None:
    frames = bars(20, 160, 96)

    shown = pictures(made(frames, 24))

    assert np.abs(shown.astype(int) - frames).max() <= 4
    assert all((a != b).any() for a, b in pairwise(shown))


def test_every_span_has_a_palette_of_its_own() -> None:
    """Spans of other colours than the first: with a palette in common they would be shown wrong."""
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    frames = np.zeros((4, 64, 64, 3), np.uint8)
    for number in range(4):
        frames[number, :, :, number % 3] = ramp

    shown = pictures(made(frames, 8, span=1))

    assert np.abs(shown.astype(int) - frames).mean() < 2


def test_a_picture_with_a_palette_of_its_own_keeps_it() -> None:
    colours = ((250, 10, 10), (10, 250, 10), (10, 10, 250))
    first, *others = (Image.new("RGB", (64, 64), colour) for colour in colours)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=100)

    shown = pictures(gif.join([file.getvalue()], 10, ""))

    assert [tuple(picture[0, 0].tolist()) for picture in shown] == list(colours)


def test_photographs_keep_their_look() -> None:
    y, x = np.mgrid[0:96, 0:160]
    frame = np.stack([x * 255 // 159, y * 255 // 95, (x + y) * 255 // 254], axis=-1).astype(np.uint8)

    shown = pictures(made(frame[None], 8))

    assert np.abs(shown.astype(int) - frame).mean() < 12


def test_it_loops_forever(bars: Bars) -> None:
    with Image.open(io.BytesIO(made(bars(4, 64, 64), 8))) as picture:
        assert picture.info["loop"] == 0


@pytest.mark.parametrize("text", ["", "short", "ä" * 700])
def test_the_comment_comes_back(text: str, bars: Bars) -> None:
    assert gif.comment(made(bars(2, 64, 64), 8, text=text)) == text


def test_other_gifs_have_no_comment(bars: Bars) -> None:
    assert gif.comment(gif.encode(bars(2, 64, 64), 8, lambda: None)) == ""
