"""Says what a clip shows: background, colour, shape, motion. Rules only, so that no model grades a model.

Frames are uint8 (T, H, W, 3), any size from 48 pixels up; what cannot be told is "none".
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline.tiny import clips

NONE = "none"
_GRID = 40  # samples along a side of the area-normalised mask
_SPAN = 1.6  # half its width, in radii of a circle of the same area
_FAR = 70.0  # RGB distance from the background that makes a pixel the object's
_TRAVEL = 5.0  # pixels at 64x64 under which a centre counts as resting
_GROWTH = 1.7  # ratio of areas that counts as growing or shrinking
_TURN = 0.08  # mean mask change that counts as spinning
_SYMMETRY: dict[str, float] = {"circle": 360.0, "square": 90.0, "triangle": 120.0, "star": 72.0}


@dataclass(frozen=True)
class Verdict:
    """One word each, of the palette, SHAPES and MOTIONS, or "none"."""

    background: str
    colour: str
    shape: str
    motion: str


@dataclass(frozen=True)
class Blob:
    """The object in one frame: soft mask float (H, W), area in pixels, centre in pixels."""

    mask: NDArray[np.float64]
    area: float
    x: float
    y: float


def judge(frames: NDArray[np.uint8]) -> Verdict:
    """What the clip (T, H, W, 3) shows."""
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
    """Median RGB (3,) of the pixels clearly unlike the background; None where there are too few."""
    flat = pixels.reshape(-1, 3)
    distance = np.linalg.norm(flat - ground, axis=1)
    far = distance > _FAR
    if far.mean() < 0.005:
        return None
    # The mixed pixels of the outline are nearer to the background: leave out the nearer part.
    inner = distance >= np.quantile(distance[far], 0.4)
    return np.median(flat[inner], axis=0)


def find(frame: NDArray[np.float64], ground: NDArray[np.float64], paint: NDArray[np.float64]) -> Blob | None:
    """The object in a frame (H, W, 3): how far each pixel lies on the way from background to object colour."""
    axis = paint - ground
    cover = np.clip((frame - ground) @ axis / (axis @ axis), 0.0, 1.0)
    # Steeper, so that slight ghosts and compression noise weigh nothing.
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
    steps = (np.arange(_GRID) + 0.5) / _GRID * 2 * _SPAN - _SPAN
    x, y = np.meshgrid(steps, steps)
    return x, y


def normalised(blob: Blob) -> NDArray[np.float64]:
    """The mask about its centre, scaled to the area of the unit circle: float (_GRID, _GRID)."""
    scale = math.sqrt(blob.area / math.pi)
    x, y = _grid()
    return _sample(blob.mask, blob.x + x * scale - 0.5, blob.y + y * scale - 0.5)


def _sample(image: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bilinear, zero outside."""
    padded = np.pad(image, 1)
    x, y = np.clip(x + 1, 0, padded.shape[1] - 1.001), np.clip(y + 1, 0, padded.shape[0] - 1.001)
    left, top = x.astype(int), y.astype(int)
    fx, fy = x - left, y - top
    upper = padded[top, left] * (1 - fx) + padded[top, left + 1] * fx
    lower = padded[top + 1, left] * (1 - fx) + padded[top + 1, left + 1] * fx
    return upper * (1 - fy) + lower * fy


@cache
def templates(shape: str) -> NDArray[np.float64]:
    """The shape's normalised masks at all its angles: float (angles, _GRID, _GRID)."""
    corners = clips.outline(shape)
    steps = 1 if shape == "circle" else max(1, round(_SYMMETRY[shape] / 6))
    x, y = _grid()
    scale = 1.0
    if len(corners):
        a, b = corners, np.roll(corners, -1, axis=0)
        scale = math.sqrt(math.pi / abs(0.5 * float((a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1]).sum())))
    soft = 2 * _SPAN / _GRID
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
    """The shape whose templates, each frame at its best angle, overlap most."""
    fits = {
        shape: float(np.mean([overlap(templates(shape), mask[None]).max() for mask in masks])) for shape in clips.SHAPES
    }
    return max(fits, key=lambda shape: fits[shape])


def motion_of(blobs: list[Blob], masks: list[NDArray[np.float64]], scale: float) -> str:
    """The motion that centre, area and normalised mask describe; scale is pixels per pixel of a 64x64 frame."""
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


def _along(path: NDArray[np.float64], backward: str, forward: str, to_and_fro: str) -> str:
    """A net way of most of the range is a straight motion."""
    net = float(path[-2:].mean() - path[:2].mean())
    if abs(net) > 0.6 * np.ptp(path):
        return forward if net > 0 else backward
    return to_and_fro


def _turned(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Angle in radians swept about the middle of the path."""
    middle_x, middle_y = (x.max() + x.min()) / 2, (y.max() + y.min()) / 2
    angles = np.unwrap(np.arctan2(y - middle_y, x - middle_x))
    return float(abs(angles[-1] - angles[0]))


def _change(masks: list[NDArray[np.float64]]) -> float:
    """Mean change of the normalised mask against the first frame and against three frames before."""
    first = [1 - float(overlap(mask, masks[0])) for mask in masks[2:]]
    before = [1 - float(overlap(b, a)) for a, b in zip(masks, masks[3:], strict=False)]
    return (float(np.mean(first)) + float(np.mean(before or [0.0]))) / 2
