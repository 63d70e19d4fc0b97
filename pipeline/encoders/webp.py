"""WebP stills and animations for posters and previews."""

import io
from typing import Any, Final

import numpy as np
from PIL import Image

from pipeline.clip import Frames

# Tried in this order until an animation is small enough.
QUALITIES: Final = (80, 60, 40, 20, 5)
# The smallest side that encode_animation still halves.
MIN_SIDE: Final = 64
CONTENT_TYPE: Final = "image/webp"


def encode_still(frame: Frames, quality: int = 85) -> bytes:
    """One frame (H, W, 3) at its own size."""
    return _save(Image.fromarray(frame), quality=quality)


def encode_animation(frames: Frames, fps: float, max_bytes: int, max_side: int) -> bytes:
    """Frames (T, H, W, 3) as an endless loop of at most `max_bytes`: reduces the quality, then size, then frames."""
    side = max_side
    while True:
        images = [Image.fromarray(shrink(frame, side)) for frame in frames]
        for quality in QUALITIES:
            data = _save_animation(images, fps, quality)
            if len(data) <= max_bytes:
                return data
        if side > MIN_SIDE:
            side //= 2
        else:
            frames, fps = frames[::2], fps / 2


def spread(count: int, max_count: int) -> list[int]:
    """At most `max_count` indexes, spread evenly over `count` frames."""
    return [int(i) for i in np.unique(np.linspace(0, count - 1, min(max_count, count)).round())]


def grid(frames: Frames, columns: int) -> Frames:
    """Frames (T, H, W, 3) as one image, row by row from the top left; the places that are left are black."""
    count, height, width, _ = frames.shape
    rows, columns = -(-count // columns), min(count, columns)
    image = np.zeros((rows * height, columns * width, 3), np.uint8)
    for number, frame in enumerate(frames):
        top, left = number // columns * height, number % columns * width
        image[top : top + height, left : left + width] = frame
    return image


def shrink(frame: Frames, max_side: int) -> Frames:
    """A frame (H, W, 3) with no side longer than `max_side`. Frames are never enlarged."""
    height, width = frame.shape[:2]
    scale = min(1.0, max_side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))


def probe(data: bytes) -> tuple[int, int, int, float]:
    """Width, height, number of frames and seconds of a WebP."""
    with Image.open(io.BytesIO(data)) as image:
        count = getattr(image, "n_frames", 1)
        milliseconds = 0.0
        for index in range(count):
            image.seek(index)
            image.load()
            milliseconds += float(image.info.get("duration", 0))
        return image.width, image.height, count, milliseconds / 1000


def _save_animation(images: list[Image.Image], fps: float, quality: int) -> bytes:
    ends = [round(1000 * (i + 1) / fps) for i in range(len(images))]
    durations = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    options = {"append_images": images[1:], "duration": durations, "loop": 0, "save_all": True}
    return _save(images[0], quality=quality, **options)


def _save(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", method=2, **options)
    return file.getvalue()
