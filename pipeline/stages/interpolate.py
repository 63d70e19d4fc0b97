"""Frames between the base frames, at exactly the times a span needs."""

import math
from collections.abc import Callable
from pathlib import Path

import torch

from pipeline.clip import Clip
from pipeline.errors import StageFailed
from pipeline.models import film
from pipeline.models.registry import MODELS, Interpolator, interpolator
from pipeline.spec import Plan, Span
from pipeline.stages.tensors import device_named, out_of_memory, to_frames, to_numbers


class Interpolate:
    """Keeps the last interpolator it was asked for."""

    def __init__(self, models_dir: Path, device: str = "auto") -> None:
        self.models_dir, self.device = Path(models_dir), device_named(device)
        self._loaded: tuple[str, film.Interpolator] | None = None

    def __call__(self, base: Clip, plan: Plan, span: Span, check: Callable[[], None]) -> Clip:
        """The span's frames at the plan's rate and the base clip's size. Only the base frames around it are touched."""
        check()
        positions = plan.positions(span)
        first = min(math.floor(positions[0]), len(base) - 2)
        last = math.ceil(positions[-1])
        with out_of_memory("interpolate"), torch.inference_mode():
            between = self.load(interpolator(MODELS[plan.model], self.models_dir))
            needed = to_numbers(base.frames[first : last + 1], self.device)
            frames = to_frames(between(needed, [position - first for position in positions], check))
        return Clip(frames, plan.fps)

    def load(self, entry: Interpolator) -> film.Interpolator:
        if self._loaded is None or self._loaded[0] != entry.name:
            self._loaded = None
            if entry.folder(self.models_dir) is None:
                raise StageFailed("interpolate", entry.missing(self.models_dir))
            self._loaded = entry.name, film.load(entry, entry.path(self.models_dir), self.device)
        return self._loaded[1]
