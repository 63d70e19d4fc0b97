"""Text to the base clip: few frames at the model's own size and frame rate."""

import math
from contextlib import suppress
from pathlib import Path

import torch

from pipeline.clip import Clip
from pipeline.contract.catalog import MODELS, Model, family_of, size_multiple
from pipeline.contract.errors import CheckStopped, OutOfMemory, StageFailed
from pipeline.contract.hardware import Hardware
from pipeline.contract.plan import Plan
from pipeline.contract.spec import Format
from pipeline.generators.base import Generator, Report
from pipeline.generators.open import open_generator
from pipeline.models.hardware import Device
from pipeline.models.tensors import out_of_memory
from pipeline.models.weights import find_lora, find_parts, is_available, missing_files


class Generate:
    """Keeps the model of the last call in memory."""

    def __init__(self, models_dir: Path, hardware: Hardware | str = "auto") -> None:
        self.models_dir, self.hardware = Path(models_dir), Device.of(hardware)
        self.hardware.reserve()
        self._loaded: Generator | None = None

    def __call__(self, plan: Plan, on_step: Report, check: CheckStopped) -> Clip:
        """uint8 (base_frames, base_height, base_width, 3). The same plan gives the same frames on the same device."""
        with out_of_memory("generate"), torch.inference_mode():
            check()
            return self.load(MODELS[plan.model]).draw(plan, on_step, check)

    def load(self, model: Model) -> Generator:
        if self._loaded is None or self._loaded.model is not model:
            # Free the memory of the previous model before the next one is loaded.
            self._loaded = None
            parts = find_parts(model, self.models_dir)
            if parts is None:
                raise StageFailed("generate", missing_files(model, self.models_dir))
            self._loaded = open_generator(model, parts, self.hardware, self._find_lora)
        return self._loaded

    def warm_up(self, name: str) -> None:
        """Load a model and draw one step at its native size, so that the first job does not wait for it. GPU only.

        A model whose native size exceeds the memory is only loaded: jobs of a smaller size can use it.
        """
        model = MODELS.get(name)
        if model is None or not self.hardware.is_gpu or not is_available(model, self.models_dir):
            return
        if family_of(model).image != "required":
            with suppress(OutOfMemory):
                self(warm_up_plan(model), lambda *_: None, lambda: None)
        self.load(model)

    def _find_lora(self, name: str) -> Path:
        try:
            return find_lora(name, self.models_dir)
        except FileNotFoundError as error:
            raise StageFailed("generate", str(error)) from error


def warm_up_plan(model: Model) -> Plan:
    """One step at the native size and length of a model."""
    multiple = size_multiple(model)
    side = max(multiple, math.isqrt(model.base_area) // multiple * multiple)
    width, height = model.sizes[0] if model.sizes else (side, side)
    frames = family_of(model).drawable_frames(model.context_frames)
    return Plan(
        prompt="warm-up", negative_prompt="", seed=0, model=model.name, revision="", scheduler=model.scheduler,
        num_inference_steps=1, guidance_scale=model.guidance_scale, base_width=width, base_height=height,
        base_frames=frames, upscale=1, width=width, height=height, fps=model.native_fps, frames=frames,
        format=Format.MP4,
    )  # fmt: skip
