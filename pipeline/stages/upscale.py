"""Frames at the size asked for: enlarged 2x or 4x by a network, then fitted exactly."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from pipeline.clip import Clip, Frames
from pipeline.errors import StageFailed
from pipeline.models import realesrgan
from pipeline.models.registry import MODELS, UPSCALERS
from pipeline.spec import Plan
from pipeline.stages.tensors import device_named, dtype_on, fitted, out_of_memory, to_frames, to_numbers

Check = Callable[[], None]

BATCH_PIXELS: Final = {"cpu": 2 * 1024 * 1024, "cuda": 16 * 1024 * 1024}  # of output
MARGIN: Final = 16  # pixels of input around a tile, so that no seam shows
LEAST_TILE: Final = 64  # below that the margins are most of the work


class Upscale:
    """Keeps the last network it was asked for. `tile` is the side of a tile in pixels of input; None: whole frames.

    A device that is too small gets fewer frames at a time, then smaller and smaller tiles of one.
    """

    def __init__(self, models_dir: Path, device: str = "auto", *, tile: int | None = None) -> None:
        self.models_dir, self.device, self.tile = Path(models_dir), device_named(device), tile
        self._loaded: tuple[str, realesrgan.Upscaler] | None = None
        self._at_once_pixels = BATCH_PIXELS.get(torch.device(self.device).type, BATCH_PIXELS["cuda"])

    def __call__(self, clip: Clip, plan: Plan, check: Check) -> Clip:
        """(T, plan.height, plan.width, 3), whatever the clip's size."""
        frames = np.empty((len(clip), plan.height, plan.width, 3), np.uint8)
        with out_of_memory("upscale"), torch.inference_mode():
            enlarge = self.load(MODELS[plan.model].upscalers[plan.upscale]) if plan.upscale > 1 else None
            start = 0
            while start < len(clip):
                check()
                done = self._batch(clip, start, plan, enlarge)
                frames[start : start + len(done)] = done
                start += len(done)
        return Clip(frames, clip.fps)

    def _batch(self, clip: Clip, start: int, plan: Plan, enlarge: realesrgan.Upscaler | None) -> Frames:
        """The frames from `start` on, as many as fit; less at a time from now on when the device is too small."""
        area = max(clip.width * clip.height * plan.upscale**2, plan.width * plan.height)
        while True:
            some = clip.frames[start : start + max(1, self._at_once_pixels // area)]
            try:
                return self._sized(some, plan, enlarge)
            except torch.OutOfMemoryError:
                if len(some) > 1:
                    self._at_once_pixels = len(some) // 2 * area
                elif enlarge is None or not self._smaller_tiles(max(clip.width, clip.height)):
                    raise
            torch.cuda.empty_cache()

    def _smaller_tiles(self, side: int) -> bool:
        """Halve the tiles for frames of this side; False when they are as small as makes sense."""
        half = min(self.tile or side, side) // 2
        if half < LEAST_TILE:
            return False
        self.tile = half
        return True

    def _sized(self, frames: Frames, plan: Plan, enlarge: realesrgan.Upscaler | None) -> Frames:
        numbers = to_numbers(frames, self.device)
        if enlarge is not None:
            numbers = tiled(enlarge, numbers, self.tile) if self.tile else enlarge(numbers)
        return to_frames(fitted(numbers, plan.width, plan.height))

    def load(self, name: str) -> realesrgan.Upscaler:
        if self._loaded is None or self._loaded[0] != name:
            self._loaded = None
            entry = UPSCALERS[name]
            if entry.folder(self.models_dir) is None:
                raise StageFailed("upscale", entry.missing(self.models_dir))
            network = realesrgan.load(entry.path(self.models_dir)).to(self.device, dtype_on(self.device))
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._loaded = name, network
        return self._loaded[1]


def tiled(enlarge: realesrgan.Upscaler, numbers: Tensor, tile: int) -> Tensor:
    """The same as `enlarge(numbers)` in pieces of `tile` x `tile`, each seen with a margin that is thrown away."""
    height, width = numbers.shape[-2:]
    scale = enlarge.scale
    large = numbers.new_empty((*numbers.shape[:2], height * scale, width * scale))
    for top, left in product(range(0, height, tile), range(0, width, tile)):
        above, before = max(0, top - MARGIN), max(0, left - MARGIN)
        seen = enlarge(numbers[..., above : top + tile + MARGIN, before : left + tile + MARGIN])
        room = large[..., top * scale : (top + tile) * scale, left * scale : (left + tile) * scale]
        y, x = (top - above) * scale, (left - before) * scale
        room.copy_(seen[..., y : y + room.shape[-2], x : x + room.shape[-1]])
    return large
