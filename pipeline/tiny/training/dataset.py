"""Pools of drawn clips on disk. Every scene and pixel is determined by the seed of the pool."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.tiny import clips


@dataclass(frozen=True)
class Pool:
    """Scenes and their clips. `frames` is a read-only memory-mapped uint8 (N, frames, height, width, 3)."""

    scenes: list[clips.Scene]
    frames: NDArray[np.uint8]


def pool(
    work: Path, count: int, seed: int, width: int = clips.SIDE, height: int = clips.SIDE, length: int = clips.FRAMES
) -> Pool:
    """Training scenes, without the held-out combinations. The clips are drawn once and cached in `work`."""
    rng = random.Random(seed)
    # Equal numbers of each motion: otherwise spin would be rarer, because circles do not spin.
    scenes = [clips.random_scene(rng, motion=clips.MOTIONS[i % len(clips.MOTIONS)]) for i in range(count)]
    path = work / f"clips-{width}x{height}-{count}-{seed}{'' if length == clips.FRAMES else f'-{length}'}.npy"
    if not path.exists():
        partial = path.with_suffix(".partial")
        shape = (count, length, height, width, 3)
        drawn = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        for i, scene in enumerate(scenes):
            drawn[i] = clips.clip(scene, seed * 1_000_003 + i, width, height, length)
        drawn.flush()
        partial.replace(path)
    return Pool(scenes, np.load(path, mmap_mode="r"))


def object_mask(pixels: Tensor, grow: int = 2) -> Tensor:
    """float (N, 3, H, W) in -1..1 to float (N, 1, H, W): 1 on the object and `grow` pixels around it."""
    # Objects do not reach the corners.
    ground = pixels[:, :, :1, :1]
    mask = (pixels - ground).abs().amax(dim=1, keepdim=True).gt(0.03).float()
    return functional.max_pool2d(mask, 2 * grow + 1, stride=1, padding=grow) if grow else mask


def cell_mask(frames: NDArray[np.uint8], cell: int = 8) -> NDArray[np.uint8]:
    """Clips (N, T, H, W, 3) to uint8 (N, H/cell, W/cell): 1 where the object is in any frame."""
    count, _, height, width, _ = frames.shape
    covered = np.empty((count, height // cell, width // cell), dtype=np.uint8)
    for i in range(count):
        clip = frames[i]
        moving = (clip != clip[:1, :1, :1]).any(axis=(0, 3))
        covered[i] = moving.reshape(height // cell, cell, width // cell, cell).any(axis=(1, 3))
    return covered


def batch(frames: NDArray[np.uint8]) -> Tensor:
    """A copy as a uint8 tensor of the same shape: torch does not support read-only arrays."""
    return torch.from_numpy(np.array(frames))
