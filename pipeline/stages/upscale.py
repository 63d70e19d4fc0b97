"""Frames at the requested size: enlarged 2x or 4x by a network, then resized exactly."""

from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from pipeline.clip import Clip, Frames
from pipeline.contract.catalog import MODELS, UPSCALERS
from pipeline.contract.errors import CheckStopped, StageFailed
from pipeline.contract.plan import Plan
from pipeline.models import realesrgan
from pipeline.models.tensors import crop_and_resize, dtype_for, out_of_memory, resolve_device, to_frames, to_tensor
from pipeline.models.weights import find_file, find_folder, missing_files

# Pixels of output per batch, by type of device.
BATCH_PIXELS: Final = {"cpu": 2 * 1024 * 1024, "cuda": 16 * 1024 * 1024}
# Pixels of input around a tile, so that no seam is visible.
MARGIN: Final = 16
# Smaller tiles would spend most of the work on their margins.
MIN_TILE: Final = 64


class Upscale:
    """Keeps the network of the last call in memory. `tile` is the side of a tile in input pixels; None: whole frames.

    When the device runs out of memory, the batch is halved until it has one frame, then the tiles of the frame are.
    The reduced values are kept for later calls.
    """

    def __init__(self, models_dir: Path, device: str = "auto", *, tile: int | None = None) -> None:
        self.models_dir, self.device, self.tile = Path(models_dir), resolve_device(device), tile
        self._loaded: tuple[str, realesrgan.Upscaler] | None = None
        self._batch_pixels = BATCH_PIXELS.get(torch.device(self.device).type, BATCH_PIXELS["cuda"])

    def __call__(self, clip: Clip, plan: Plan, check: CheckStopped) -> Clip:
        """(T, plan.height, plan.width, 3) for a clip of any size."""
        frames = np.empty((len(clip), plan.height, plan.width, 3), np.uint8)
        with out_of_memory("upscale"), torch.inference_mode():
            network = self.load(MODELS[plan.model].upscalers[plan.upscale]) if plan.upscale > 1 else None
            start = 0
            while start < len(clip):
                check()
                batch = self._upscale_batch(clip, start, plan, network)
                frames[start : start + len(batch)] = batch
                start += len(batch)
        return Clip(frames, clip.fps)

    def _upscale_batch(self, clip: Clip, start: int, plan: Plan, network: realesrgan.Upscaler | None) -> Frames:
        """As many frames from `start` on as fit into the memory of the device."""
        area = max(clip.width * clip.height * plan.upscale**2, plan.width * plan.height)
        while True:
            batch = clip.frames[start : start + max(1, self._batch_pixels // area)]
            try:
                return self._upscale_frames(batch, plan, network)
            except torch.OutOfMemoryError:
                if len(batch) > 1:
                    self._batch_pixels = len(batch) // 2 * area
                elif network is None or not self._halve_tile(max(clip.width, clip.height)):
                    raise
            torch.cuda.empty_cache()

    def _upscale_frames(self, frames: Frames, plan: Plan, network: realesrgan.Upscaler | None) -> Frames:
        tensor = to_tensor(frames, self.device)
        if network is not None:
            tensor = apply_tiled(network, tensor, self.tile) if self.tile else network(tensor)
        return to_frames(crop_and_resize(tensor, plan.width, plan.height))

    def _halve_tile(self, side: int) -> bool:
        """Halve the tile for frames of this side. False if it would be smaller than MIN_TILE."""
        half = min(self.tile or side, side) // 2
        if half < MIN_TILE:
            return False
        self.tile = half
        return True

    def load(self, name: str) -> realesrgan.Upscaler:
        if self._loaded is None or self._loaded[0] != name:
            self._loaded = None
            entry = UPSCALERS[name]
            if find_folder(entry, self.models_dir) is None:
                raise StageFailed("upscale", missing_files(entry, self.models_dir))
            network = realesrgan.load(find_file(entry, self.models_dir)).to(self.device, dtype_for(self.device))
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._loaded = name, network
        return self._loaded[1]


def apply_tiled(network: realesrgan.Upscaler, tensor: Tensor, tile: int) -> Tensor:
    """Equals `network(tensor)`, computed in tiles of `tile` x `tile` with margins that are cropped from the result."""
    height, width = tensor.shape[-2:]
    scale = network.scale
    result = tensor.new_empty((*tensor.shape[:2], height * scale, width * scale))
    for top, left in product(range(0, height, tile), range(0, width, tile)):
        outer_top, outer_left = max(0, top - MARGIN), max(0, left - MARGIN)
        enlarged = network(tensor[..., outer_top : top + tile + MARGIN, outer_left : left + tile + MARGIN])
        target = result[..., top * scale : (top + tile) * scale, left * scale : (left + tile) * scale]
        y, x = (top - outer_top) * scale, (left - outer_left) * scale
        target.copy_(enlarged[..., y : y + target.shape[-2], x : x + target.shape[-1]])
    return result
