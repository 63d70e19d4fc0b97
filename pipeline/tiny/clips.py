"""Draws the captioned clips of the training data: one coloured shape that moves over a flat background.

A clip is uint8 (frames, height, width, 3). Coordinates are in pixels, y down, angles in radians, 0 is upright.
"""

import math
import random
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.contract import vocabulary

FRAMES = 16
FPS = 8
SIDE = 64

PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (225, 40, 45),
    "green": (40, 170, 70),
    "blue": (30, 80, 235),
    "yellow": (250, 215, 40),
    "purple": (165, 40, 200),
    "cyan": (40, 205, 225),
    "white": (245, 245, 245),
    "black": (12, 12, 12),
}
SHAPES = tuple(vocabulary.SHAPES)
MOTIONS = tuple(vocabulary.MOTIONS)
# Pixels at 64x64. A star with a radius below 11 covers only three latent cells and cannot be reconstructed.
RADII: dict[str, float] = {"small": 11.0, "medium": 13.0, "large": 15.0}

# Distance of the object from the border, in pixels at 64x64.
_MARGIN = 2.0
# Largest and smallest size of the motions grow and shrink, in radii.
_LARGEST, _SMALLEST = 1.45, 0.60
# Rotation per clip.
_SPIN = math.radians(150)
_UNKNOWN_WORDS = ("qux", "zorp", "blarg", "wug", "flim", "snark", "dax", "toma")


@dataclass(frozen=True)
class Scene:
    """The contents of a clip."""

    shape: str
    colour: str
    background: str
    motion: str
    size: str = "medium"

    @property
    def held_out(self) -> bool:
        """True for one in ten combinations of colour, shape and background. They are excluded from the training."""
        return zlib.crc32(f"{self.colour} {self.shape} {self.background}".encode()) % 10 == 3


@dataclass(frozen=True)
class Caption:
    """A sentence and the attributes it states; the others are None."""

    text: str
    shape: str | None = None
    colour: str | None = None
    background: str | None = None
    motion: str | None = None
    size: str | None = None


@dataclass(frozen=True)
class Track:
    """The position of the object in each frame: float64 (frames,) each, in pixels and radians."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    radius: NDArray[np.float64]
    angle: NDArray[np.float64]


def unit(width: int, height: int) -> float:
    """The scale relative to 64x64: 1 at 64x64, 8 at 512x512. Area and short side have equal weight."""
    return math.sqrt(min(width, height) / SIDE * math.sqrt(width * height) / SIDE)


def outline(shape: str) -> NDArray[np.float64]:
    """Corners (N, 2) of an upright shape of radius 1. A circle has none."""
    corners: dict[str, tuple[int, float, float]] = {
        # name: number of points, their distance from the centre, distance of the points between them (0: none)
        "square": (4, 1.27, 0.0),
        "triangle": (3, 1.35, 0.0),
        "star": (5, 1.40, 0.60),
    }
    if shape == "circle":
        return np.zeros((0, 2))
    count, outer, inner = corners[shape]
    radii = [outer, inner] * count if inner else [outer] * count
    first = math.pi / 4 if shape == "square" else 0.0
    turns = [first + 2 * math.pi * i / len(radii) for i in range(len(radii))]
    return np.array([(r * math.sin(t), -r * math.cos(t)) for r, t in zip(radii, turns, strict=True)])


def reach(shape: str, motion: str = "still") -> float:
    """How far the shape extends from its centre along an axis, in radii."""
    corners = outline(shape)
    if not len(corners):
        return 1.0
    if motion == "spin":
        return float(np.hypot(corners[:, 0], corners[:, 1]).max())
    return float(np.abs(corners).max())


def signed_distance(
    x: NDArray[np.float64], y: NDArray[np.float64], corners: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """Distance in pixels from points around the centre to the outline, negative inside. Corners are in radii."""
    if not len(corners):
        return np.hypot(x, y) - radius
    points = corners * radius
    nearest = np.full(x.shape, np.inf)
    inside = np.zeros(x.shape, dtype=bool)
    for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, axis=0), strict=True):
        ex, ey = bx - ax, by - ay
        wx, wy = x - ax, y - ay
        along = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0.0, 1.0)
        nearest = np.minimum(nearest, (wx - ex * along) ** 2 + (wy - ey * along) ** 2)
        crosses = (ay > y) != (by > y)
        inside ^= crosses & (wx < ex * wy / (ey if ey else 1e-12))
    distance = np.sqrt(nearest)
    return np.where(inside, -distance, distance)


def track(scene: Scene, rng: random.Random, width: int = SIDE, height: int = SIDE, frames: int = FRAMES) -> Track:
    """A path for the scene. Values that a caption does not state (place, phase) come from rng.

    More frames sample the same path more finely; larger sides scale it.
    """
    scale = unit(width, height)
    radius = RADII[scene.size] * scale
    free = reach(scene.shape, scene.motion) * radius + _MARGIN * scale
    s = np.linspace(0.0, 1.0, frames)
    ones = np.ones(frames)
    low_x, high_x, low_y, high_y = free, width - free, free, height - free

    def near(middle: float, room: float, spread: float = 9.0) -> float:
        half = max(min(spread * scale, room), 0.0)
        return middle + rng.uniform(-half, half)

    x0 = near(width / 2, width / 2 - free)
    y0 = near(height / 2, height / 2 - free)
    x, y, r, a = x0 * ones, y0 * ones, radius * ones, 0.0 * ones
    if scene.motion in ("left", "right"):
        x = low_x + (high_x - low_x) * (s if scene.motion == "right" else 1 - s)
    elif scene.motion in ("up", "down"):
        y = low_y + (high_y - low_y) * (s if scene.motion == "down" else 1 - s)
    elif scene.motion == "bounce":
        y = high_y - (high_y - low_y) * np.abs(np.sin(2 * math.pi * s))
    elif scene.motion in ("grow", "shrink"):
        fits = (min(width, height) / 2 - _MARGIN * scale) / reach(scene.shape)
        largest = min(_LARGEST * radius, fits)
        room = reach(scene.shape) * largest + _MARGIN * scale
        x = near(width / 2, width / 2 - room, 3.0) * ones
        y = near(height / 2, height / 2 - room, 3.0) * ones
        r = _SMALLEST * radius + (largest - _SMALLEST * radius) * (s if scene.motion == "grow" else 1 - s)
    elif scene.motion == "orbit":
        ring = min(min(width, height) / 2 - free, 14.0 * scale)
        turn = rng.uniform(0, 2 * math.pi) + rng.choice((-1, 1)) * 2 * math.pi * s
        x = near(width / 2, width / 2 - free - ring, 4.0) + ring * np.cos(turn)
        y = near(height / 2, height / 2 - free - ring, 4.0) + ring * np.sin(turn)
    elif scene.motion == "spin":
        a = _SPIN * s * rng.choice((-1, 1))
    return Track(x, y, r, a)


def draw(scene: Scene, path: Track, width: int = SIDE, height: int = SIDE) -> NDArray[np.uint8]:
    """The clip, anti-aliased: uint8 (frames, height, width, 3)."""
    ground = np.array(PALETTE[scene.background], dtype=np.float64)
    paint = np.array(PALETTE[scene.colour], dtype=np.float64)
    frames = np.empty((len(path.x), height, width, 3), dtype=np.uint8)
    frames[:] = ground.astype(np.uint8)
    corners = outline(scene.shape)
    for i in range(len(path.x)):
        far = 1.45 * path.radius[i] + 2
        left, right = max(int(path.x[i] - far), 0), min(int(path.x[i] + far) + 1, width)
        top, bottom = max(int(path.y[i] - far), 0), min(int(path.y[i] + far) + 1, height)
        ys, xs = np.mgrid[top:bottom, left:right] + 0.5
        xs, ys = xs - path.x[i], ys - path.y[i]
        cos, sin = math.cos(path.angle[i]), math.sin(path.angle[i])
        distance = signed_distance(xs * cos + ys * sin, ys * cos - xs * sin, corners, float(path.radius[i]))
        cover = np.clip(0.5 - distance, 0.0, 1.0)[..., None]
        frames[i, top:bottom, left:right] = np.rint(ground + (paint - ground) * cover).astype(np.uint8)
    return frames


def clip(scene: Scene, seed: int, width: int = SIDE, height: int = SIDE, frames: int = FRAMES) -> NDArray[np.uint8]:
    """The clip of a scene for a seed: uint8 (frames, height, width, 3)."""
    return draw(scene, track(scene, random.Random(seed), width, height, frames), width, height)


def possible(scene: Scene) -> bool:
    """False for invisible contents: an object in the colour of its background, a spinning circle."""
    return scene.colour != scene.background and not (scene.shape == "circle" and scene.motion == "spin")


def random_scene(rng: random.Random, held_out: bool = False, motion: str | None = None) -> Scene:
    """A possible scene from the training combinations, or from the held-out ones."""
    while True:
        scene = Scene(
            rng.choice(SHAPES),
            rng.choice(tuple(PALETTE)),
            rng.choice(tuple(PALETTE)),
            motion or rng.choice(MOTIONS),
            rng.choice(tuple(RADII)),
        )
        if possible(scene) and scene.held_out == held_out:
            return scene


def caption(scene: Scene, rng: random.Random) -> Caption:
    """A random sentence for the scene. Some omit size, background or motion; some contain filler or unknown words."""
    sized = rng.random() < 0.4
    kind = rng.random()
    ground, motion = kind >= 0.06, not 0.06 <= kind < 0.10
    forms = vocabulary.FORMS
    if not ground:
        forms = vocabulary.FORMS_WITHOUT_GROUND
    elif not motion:
        forms = vocabulary.FORMS_WITHOUT_MOTION
    thing = f"{_synonym(vocabulary.COLOURS[scene.colour], rng)} {_synonym(vocabulary.SHAPES[scene.shape], rng)}"
    if sized:
        thing = f"{rng.choice(vocabulary.SIZES[scene.size])} {thing}"
    doing, does = rng.choice(vocabulary.MOTIONS[scene.motion])
    text = rng.choice(forms).format(
        thing=thing, doing=doing, does=does, ground=_synonym(vocabulary.COLOURS[scene.background], rng)
    )
    return Caption(
        _with_noise(text, rng),
        scene.shape,
        scene.colour,
        scene.background if ground else None,
        scene.motion if motion else None,
        scene.size if sized else None,
    )


def prompt(scene: Scene, sized: bool = False) -> str:
    """The standard sentence for a scene: 'a red circle moving right on a blue background'."""
    size = f"{scene.size} " if sized else ""
    doing = vocabulary.MOTIONS[scene.motion][0][0]
    return f"a {size}{scene.colour} {scene.shape} {doing} on a {scene.background} background"


def _synonym(words: tuple[str, ...], rng: random.Random) -> str:
    """The first word in half of the cases, else a random one."""
    return words[0] if rng.random() < 0.5 else rng.choice(words)


def _with_noise(text: str, rng: random.Random) -> str:
    if rng.random() < 0.2:
        word = rng.choice(vocabulary.FILLERS if rng.random() < 0.6 else _UNKNOWN_WORDS)
        text = f"{word} {text}" if rng.random() < 0.5 else f"{text} {word}"
    return text
