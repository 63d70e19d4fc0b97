"""Frames at the requested size: enlarged 2x or 4x by a network, then resized exactly."""

import math
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from pipeline.clip import Clip, Frames
from pipeline.contract.catalog import MODELS, UPSCALERS
from pipeline.contract.errors import CheckStopped, OutOfMemory, StageFailed
from pipeline.contract.hardware import Hardware
from pipeline.contract.plan import Plan
from pipeline.models import realesrgan
from pipeline.models.hardware import Device
from pipeline.models.tensors import crop_and_resize, out_of_memory, to_frames, to_tensor
from pipeline.models.weights import find_folder, missing_files

# Pixels of output per batch on a CPU, and on a GPU whose free memory is not known.
CPU_BATCH_PIXELS: Final = 2 * 1024 * 1024
GPU_BATCH_PIXELS: Final = 16 * 1024 * 1024
# Bytes of GPU memory per pixel of output while a network works in half precision, from `aura models memory`.
BYTES_PER_PIXEL: Final = {"RRDBNet": 400, "SRVGGNetCompact": 60}
# The share of the free memory that a batch may take.
BATCH_SHARE: Final = 0.6
# Pixels of input around a tile, so that no seam is visible.
MARGIN: Final = 16
# Tiles start and end at multiples of this: the networks pixel-unshuffle blocks of up to 4 x 4 pixels.
TILE_MULTIPLE: Final = 4
# Smaller tiles would spend most of the work on their margins.
MIN_TILE: Final = 64


class Upscale:
    """Keeps the network of the last call in memory. `tile` is the side of a tile in input pixels; None: whole frames.

    Batches are as large as the free memory of a GPU allows. When the device runs out of memory, the batch is halved
    until it has one frame, then the tiles of the frame are. The reduced values are kept for later calls.
    """

    def __init__(self, models_dir: Path, hardware: Hardware | str = "auto", *, tile: int | None = None) -> None:
        self.models_dir, self.hardware, self.tile = Path(models_dir), Device.of(hardware), tile
        self.hardware.reserve()
        self.device, self.dtype = self.hardware.torch_device, self.hardware.dtype()
        self._loaded: tuple[str, realesrgan.Upscaler] | None = None
        self._batch_pixels = GPU_BATCH_PIXELS if self.hardware.is_gpu else CPU_BATCH_PIXELS

    def __call__(self, clip: Clip, plan: Plan, check: CheckStopped) -> Clip:
        """(T, plan.height, plan.width, 3) for a clip of any size."""
        frames = np.empty((len(clip), plan.height, plan.width, 3), np.uint8)
        with out_of_memory("upscale"), torch.inference_mode():
            network = self._network(plan) if plan.upscale > 1 else None
            start = 0
            while start < len(clip):
                check()
                batch = self._upscale_batch(clip, start, plan, network)
                frames[start : start + len(batch)] = batch
                start += len(batch)
        return Clip(frames, clip.fps)

    def _network(self, plan: Plan) -> realesrgan.Upscaler:
        """The network of the plan. The weights of one with a softer twin are blended, like upstream does."""
        entry = UPSCALERS[plan.upscaler or MODELS[plan.model].upscalers[plan.upscale]]
        return self.load(entry.name, plan.denoise_strength if entry.softer else 1.0)

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
        tensor = to_tensor(frames, self.device, self.dtype)
        if network is not None:
            tensor = apply_tiled(network, tensor, self.tile) if self.tile else network(tensor)
        return to_frames(crop_and_resize(tensor, plan.width, plan.height))

    def _halve_tile(self, side: int) -> bool:
        """Halve the tile for frames of this side. False if it would be smaller than MIN_TILE."""
        half = min(self.tile or side, side) // 2 // TILE_MULTIPLE * TILE_MULTIPLE
        if half < MIN_TILE:
            return False
        self.tile = half
        return True

    def warm_up(self, name: str) -> None:
        """Load each upscaler of a model and enlarge one frame of the model's size. GPU only.

        The last one stays loaded: the one for the smallest factor.
        """
        model = MODELS.get(name)
        if model is None or not self.hardware.is_gpu:
            return
        side = math.isqrt(model.base_area) // TILE_MULTIPLE * TILE_MULTIPLE
        for _, upscaler in sorted(model.upscalers.items(), reverse=True):
            if find_folder(UPSCALERS[upscaler], self.models_dir) is None:
                continue
            with suppress(OutOfMemory), out_of_memory("upscale"), torch.inference_mode():
                self.load(upscaler)(torch.zeros((1, 3, side, side), device=self.device, dtype=self.dtype))

    def load(self, name: str, strength: float = 1.0) -> realesrgan.Upscaler:
        """The network `name`, on the device. A strength below 1 blends it with its softer twin."""
        entry = UPSCALERS[name]
        key = f"{name}@{strength:g}" if entry.softer else name
        if self._loaded is None or self._loaded[0] != key:
            self._loaded = None
            if (folder := find_folder(entry, self.models_dir)) is None:
                raise StageFailed("upscale", missing_files(entry, self.models_dir))
            softer = folder / entry.softer if entry.softer else None
            network = realesrgan.load(folder / entry.files[0], softer, strength).to(self.device, self.dtype)
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._loaded = key, network
            self._batch_pixels = self._fitting_pixels(network)
        return self._loaded[1]

    def _fitting_pixels(self, network: realesrgan.Upscaler) -> int:
        """Pixels of output per batch that fit the memory this process may still take."""
        available = self.hardware.budget().available
        if available is None:
            return self._batch_pixels
        free = min(torch.cuda.mem_get_info(self.device)[0], available - torch.cuda.memory_allocated(self.device))
        return max(1, int(free * BATCH_SHARE) // BYTES_PER_PIXEL[type(network).__name__])


def apply_tiled(network: realesrgan.Upscaler, tensor: Tensor, tile: int) -> Tensor:
    """Equals `network(tensor)`, computed in tiles of `tile` x `tile` with margins that are cropped from the result.

    The side is rounded down to a multiple of TILE_MULTIPLE.
    """
    tile = max(TILE_MULTIPLE, tile // TILE_MULTIPLE * TILE_MULTIPLE)
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
