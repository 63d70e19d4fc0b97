"""Frames between the base frames, at the times of a span."""

import math
from pathlib import Path

import torch

from pipeline.clip import Clip
from pipeline.contract.catalog import MODELS, InterpolatorModel
from pipeline.contract.errors import CheckStopped, StageFailed
from pipeline.contract.plan import Plan, Span
from pipeline.models import film
from pipeline.models.tensors import out_of_memory, resolve_device, to_frames, to_tensor
from pipeline.models.weights import choose_interpolator, find_file, find_folder, missing_files


class Interpolate:
    """Keeps the interpolator of the last call in memory."""

    def __init__(self, models_dir: Path, device: str = "auto") -> None:
        self.models_dir, self.device = Path(models_dir), resolve_device(device)
        self._loaded: tuple[str, film.FrameInterpolator] | None = None

    def __call__(self, base: Clip, plan: Plan, span: Span, check: CheckStopped) -> Clip:
        """The span's frames at the plan's frame rate and the base clip's size, from the base frames around it."""
        check()
        positions = plan.positions(span)
        first = min(math.floor(positions[0]), len(base) - 2)
        last = math.ceil(positions[-1])
        with out_of_memory("interpolate"), torch.inference_mode():
            interpolate = self.load(choose_interpolator(MODELS[plan.model], self.models_dir))
            around = to_tensor(base.frames[first : last + 1], self.device)
            frames = to_frames(interpolate(around, [position - first for position in positions], check))
        return Clip(frames, plan.fps)

    def load(self, entry: InterpolatorModel) -> film.FrameInterpolator:
        if self._loaded is None or self._loaded[0] != entry.name:
            self._loaded = None
            if find_folder(entry, self.models_dir) is None:
                raise StageFailed("interpolate", missing_files(entry, self.models_dir))
            self._loaded = entry.name, film.load(entry, find_file(entry, self.models_dir), self.device)
        return self._loaded[1]
