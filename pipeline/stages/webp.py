"""Small pictures for the browser: WebP, still and moving."""

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from PIL import Image

from pipeline.clip import Frames

QUALITIES: Final = (80, 60, 40, 20, 5)
CONTENT_TYPE: Final = "image/webp"


def still(frame: Frames, quality: int = 85) -> bytes:
    """One frame (H, W, 3) at its own size."""
    return _saved(Image.fromarray(frame), quality=quality)


def moving(frames: Frames, fps: float, most_bytes: int, longest_side: int) -> bytes:
    """Frames (T, H, W, 3) as an endless loop of at most `most_bytes`; quality goes first, then size, then frames."""
    side = longest_side
    while True:
        pictures = [Image.fromarray(small(frame, side)) for frame in frames]
        for quality in QUALITIES:
            data = _animated(pictures, fps, quality)
            if len(data) <= most_bytes:
                return data
        if side > 64:
            side //= 2
        else:
            frames, fps = frames[::2], fps / 2


def few(frames: Sequence[Any], most: int) -> list[int]:
    """The numbers of at most `most` frames, spread evenly over all of them."""
    return [int(i) for i in np.unique(np.linspace(0, len(frames) - 1, min(most, len(frames))).round())]


def small(frame: Frames, longest_side: int) -> Frames:
    """A frame (H, W, 3) with no side longer than this; smaller ones stay as they are."""
    height, width = frame.shape[:2]
    scale = min(1.0, longest_side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))


def facts(data: bytes) -> tuple[int, int, int, float]:
    """Width, height, frames and seconds of a WebP."""
    with Image.open(io.BytesIO(data)) as picture:
        frames = getattr(picture, "n_frames", 1)
        shown = [_shown(picture, number) for number in range(frames)]
        return picture.width, picture.height, frames, sum(shown) / 1000


def _shown(picture: Image.Image, number: int) -> float:
    picture.seek(number)
    picture.load()
    return float(picture.info.get("duration", 0))


def _animated(pictures: list[Image.Image], fps: float, quality: int) -> bytes:
    ends = [round(1000 * (i + 1) / fps) for i in range(len(pictures))]
    durations = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    options = {"append_images": pictures[1:], "duration": durations, "loop": 0, "save_all": True}
    return _saved(pictures[0], quality=quality, **options)


def _saved(picture: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", method=3, **options)
    return file.getvalue()
