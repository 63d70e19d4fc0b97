"""Classifies the contents of a clip: background, colour, shape, motion. By rules, so that no model grades a model.

Frames are uint8 (T, H, W, 3) with sides from 48 pixels. Attributes that cannot be determined are "none".
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline.tiny import clips

NONE = "none"
# Samples along a side of the area-normalised mask.
_GRID = 40
# Half the width of that mask, in radii of a circle of the same area.
_HALF_WIDTH = 1.6
# Minimal RGB distance of an object's pixel from the background.
_FAR = 70.0
# Minimal range of a moving centre, in pixels at 64x64.
_TRAVEL = 5.0
# Minimal ratio of areas of a growing or shrinking object.
_GROWTH = 1.7
# Minimal mean change of the mask of a spinning object.
_TURN = 0.08
# Degrees after which the rotated shape looks the same.
_SYMMETRY: dict[str, float] = {"circle": 360.0, "square": 90.0, "triangle": 120.0, "star": 72.0}


@dataclass(frozen=True)
class Verdict:
    """A colour of the palette, an element of SHAPES, an element of MOTIONS, or "none"."""

    background: str
    colour: str
    shape: str
    motion: str


@dataclass(frozen=True)
class Blob:
    """The object in one frame: soft mask float (H, W), area and centre in pixels."""

    mask: NDArray[np.float64]
    area: float
    x: float
    y: float


def judge(frames: NDArray[np.uint8]) -> Verdict:
    """Classify the clip (T, H, W, 3)."""
    pixels = frames.astype(np.float64)
    ground = background_colour(pixels)
    paint = object_colour(pixels, ground)
    background = nearest(ground)
    if paint is None:
        return Verdict(background, NONE, NONE, NONE)
    blobs = [blob for blob in (find(frame, ground, paint) for frame in pixels) if blob is not None]
    if len(blobs) < max(2, len(frames) // 2):
        return Verdict(background, nearest(paint), NONE, NONE)
    masks = [normalised(blob) for blob in blobs]
    height, width = frames.shape[1:3]
    return Verdict(background, nearest(paint), shape_of(masks), motion_of(blobs, masks, clips.unit(width, height)))


def nearest(colour: NDArray[np.float64]) -> str:
    """Name of the palette colour closest to RGB (3,)."""
    return min(clips.PALETTE, key=lambda name: float(np.abs(np.array(clips.PALETTE[name]) - colour).sum()))


def background_colour(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median RGB (3,) of the border over all frames."""
    edges = [pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]]
    return np.median(np.concatenate([edge.reshape(-1, 3) for edge in edges]), axis=0)


def object_colour(pixels: NDArray[np.float64], ground: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Median RGB (3,) of the pixels that differ clearly from the background; None if there are too few."""
    flat = pixels.reshape(-1, 3)
    distance = np.linalg.norm(flat - ground, axis=1)
    far = distance > _FAR
    if far.mean() < 0.005:
        return None
    # Antialiased pixels of the outline are closer to the background: exclude the closest 40 %.
    inner = distance >= np.quantile(distance[far], 0.4)
    return np.median(flat[inner], axis=0)


def find(frame: NDArray[np.float64], ground: NDArray[np.float64], paint: NDArray[np.float64]) -> Blob | None:
    """The object in a frame (H, W, 3): the projection of each pixel on the line from background to object colour."""
    axis = paint - ground
    cover = np.clip((frame - ground) @ axis / (axis @ axis), 0.0, 1.0)
    # Increase the contrast, so that ghosting and compression noise get no weight.
    mask = np.clip((cover - 0.25) / 0.5, 0.0, 1.0)
    area = float(mask.sum())
    if area < 0.004 * mask.size:
        return None
    height, width = mask.shape
    x = float((mask.sum(0) @ (np.arange(width) + 0.5)) / area)
    y = float((mask.sum(1) @ (np.arange(height) + 0.5)) / area)
    return Blob(mask, area, x, y)


@cache
def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    steps = (np.arange(_GRID) + 0.5) / _GRID * 2 * _HALF_WIDTH - _HALF_WIDTH
    x, y = np.meshgrid(steps, steps)
    return x, y


def normalised(blob: Blob) -> NDArray[np.float64]:
    """The mask around its centre, scaled to the area of the unit circle: float (_GRID, _GRID)."""
    scale = math.sqrt(blob.area / math.pi)
    x, y = _grid()
    return _sample(blob.mask, blob.x + x * scale - 0.5, blob.y + y * scale - 0.5)


def _sample(image: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bilinear interpolation, zero outside of the image."""
    padded = np.pad(image, 1)
    x, y = np.clip(x + 1, 0, padded.shape[1] - 1.001), np.clip(y + 1, 0, padded.shape[0] - 1.001)
    left, top = x.astype(int), y.astype(int)
    fx, fy = x - left, y - top
    upper = padded[top, left] * (1 - fx) + padded[top, left + 1] * fx
    lower = padded[top + 1, left] * (1 - fx) + padded[top + 1, left + 1] * fx
    return upper * (1 - fy) + lower * fy


@cache
def templates(shape: str) -> NDArray[np.float64]:
    """The normalised masks of a shape at all angles: float (angles, _GRID, _GRID)."""
    corners = clips.outline(shape)
    steps = 1 if shape == "circle" else max(1, round(_SYMMETRY[shape] / 6))
    x, y = _grid()
    scale = 1.0
    if len(corners):
        a, b = corners, np.roll(corners, -1, axis=0)
        scale = math.sqrt(math.pi / abs(0.5 * float((a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1]).sum())))
    soft = 2 * _HALF_WIDTH / _GRID
    masks = []
    for i in range(steps):
        angle = math.radians(_SYMMETRY[shape]) * i / steps
        cos, sin = math.cos(angle), math.sin(angle)
        distance = clips.signed_distance(x * cos + y * sin, y * cos - x * sin, corners * scale, 1.0)
        masks.append(np.clip(0.5 - distance / soft, 0.0, 1.0))
    return np.stack(masks)


def overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Soft intersection over union of masks (..., _GRID, _GRID)."""
    return np.minimum(a, b).sum(axis=(-2, -1)) / np.maximum(a, b).sum(axis=(-2, -1))


def shape_of(masks: list[NDArray[np.float64]]) -> str:
    """The shape whose templates overlap most, at the best angle for each frame."""
    fits = {
        shape: float(np.mean([overlap(templates(shape), mask[None]).max() for mask in masks])) for shape in clips.SHAPES
    }
    return max(fits, key=lambda shape: fits[shape])


def motion_of(blobs: list[Blob], masks: list[NDArray[np.float64]], scale: float) -> str:
    """The motion by centre, area and normalised mask. `scale` is relative to a 64x64 frame."""
    x = np.array([blob.x for blob in blobs]) / scale
    y = np.array([blob.y for blob in blobs]) / scale
    area = np.array([blob.area for blob in blobs])
    growth = float(np.median(area[-3:]) / np.median(area[:3]))
    range_x, range_y = float(np.ptp(x)), float(np.ptp(y))
    if growth > _GROWTH or growth < 1 / _GROWTH:
        return "grow" if growth > 1 else "shrink"
    if max(range_x, range_y) < _TRAVEL:
        return "spin" if _change(masks) > _TURN else "still"
    if min(range_x, range_y) > 0.45 * max(range_x, range_y) and _turned(x, y) > math.pi * 1.4:
        return "orbit"
    if range_x > range_y:
        return _along(x, "left", "right", NONE)
    return _along(y, "up", "down", "bounce")


def _along(path: NDArray[np.float64], backward: str, forward: str, other: str) -> str:
    """A net displacement of most of the range is a straight motion."""
    net = float(path[-2:].mean() - path[:2].mean())
    if abs(net) > 0.6 * np.ptp(path):
        return forward if net > 0 else backward
    return other


def _turned(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Angle in radians swept around the centre of the path."""
    middle_x, middle_y = (x.max() + x.min()) / 2, (y.max() + y.min()) / 2
    angles = np.unwrap(np.arctan2(y - middle_y, x - middle_x))
    return float(abs(angles[-1] - angles[0]))


def _change(masks: list[NDArray[np.float64]]) -> float:
    """Mean difference of the normalised masks to the first frame and to the third frame before."""
    first = [1 - float(overlap(mask, masks[0])) for mask in masks[2:]]
    before = [1 - float(overlap(b, a)) for a, b in zip(masks, masks[3:], strict=False)]
    return (float(np.mean(first)) + float(np.mean(before or [0.0]))) / 2
