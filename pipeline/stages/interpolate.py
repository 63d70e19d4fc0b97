"""Frames between the base frames, at the times of a span."""

import math
from contextlib import suppress
from pathlib import Path
from typing import Final

import torch

from pipeline.clip import Clip
from pipeline.contract.catalog import MODELS, InterpolatorModel
from pipeline.contract.errors import CheckStopped, OutOfMemory, StageFailed
from pipeline.contract.hardware import Hardware
from pipeline.contract.plan import Plan, Span
from pipeline.models import film
from pipeline.models.hardware import Device
from pipeline.models.tensors import out_of_memory, to_frames, to_tensor
from pipeline.models.weights import choose_interpolator, find_file, find_folder, missing_files

# Batches are divided by this after out of memory, for this call and all later ones.
SMALLER_BATCHES: Final = 8


class Interpolate:
    """Keeps the interpolator of the last call in memory. Out of memory, a span is tried once more in small batches."""

    def __init__(self, models_dir: Path, hardware: Hardware | str = "auto") -> None:
        self.models_dir, self.hardware = Path(models_dir), Device.of(hardware)
        self.hardware.reserve()
        self.device = self.hardware.torch_device
        # FILM is published in single and half precision.
        self.dtype = torch.float32 if self.hardware.dtype() is torch.float32 else torch.float16
        self._loaded: tuple[str, film.FrameInterpolator] | None = None

    def __call__(self, base: Clip, plan: Plan, span: Span, check: CheckStopped) -> Clip:
        """The span's frames at the plan's frame rate and the base clip's size, from the base frames around it."""
        check()
        positions = plan.positions(span)
        first = min(math.floor(positions[0]), len(base) - 2)
        last = math.ceil(positions[-1])
        with out_of_memory("interpolate"), torch.inference_mode():
            interpolate = self.load(choose_interpolator(MODELS[plan.model], self.models_dir))
            around = to_tensor(base.frames[first : last + 1], self.device, self.dtype)
            relative = [position - first for position in positions]
            try:
                frames = to_frames(interpolate(around, relative, check))
            except torch.OutOfMemoryError:
                interpolate.smaller *= SMALLER_BATCHES
                torch.cuda.empty_cache()
                frames = to_frames(interpolate(around, relative, check))
        return Clip(frames, plan.fps)

    def warm_up(self, name: str) -> None:
        """Load the interpolator of a model and draw one frame at the model's size. GPU only."""
        model = MODELS.get(name)
        if model is None or not self.hardware.is_gpu:
            return
        entry = choose_interpolator(model, self.models_dir)
        if find_folder(entry, self.models_dir) is None:
            return
        side = math.isqrt(model.base_area)
        with suppress(OutOfMemory), out_of_memory("interpolate"), torch.inference_mode():
            pair = torch.zeros((2, 3, side, side), device=self.device, dtype=self.dtype)
            self.load(entry)(pair, [0.5], lambda: None)

    def load(self, entry: InterpolatorModel) -> film.FrameInterpolator:
        if self._loaded is None or self._loaded[0] != entry.name:
            self._loaded = None
            if find_folder(entry, self.models_dir) is None:
                raise StageFailed("interpolate", missing_files(entry, self.models_dir))
            self._loaded = entry.name, film.load(entry, find_file(entry, self.models_dir), self.device, self.dtype)
        return self._loaded[1]
