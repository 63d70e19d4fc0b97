"""Text to the base clip: few frames at the model's own size and frame rate."""

from pathlib import Path

import torch

from pipeline.clip import Clip
from pipeline.contract.catalog import MODELS, Model
from pipeline.contract.errors import CheckStopped, StageFailed
from pipeline.contract.plan import Plan
from pipeline.generators.animatediff import AnimateDiff, StepCallback
from pipeline.models.tensors import out_of_memory, resolve_device
from pipeline.models.weights import find_folder, missing_files


class Generate:
    """Keeps the model of the last call in memory."""

    def __init__(self, models_dir: Path, device: str = "auto", *, offload: bool | None = None) -> None:
        self.models_dir, self.device, self.offload = Path(models_dir), resolve_device(device), offload
        self._loaded: AnimateDiff | None = None

    def __call__(self, plan: Plan, on_step: StepCallback, check: CheckStopped) -> Clip:
        """uint8 (base_frames, base_height, base_width, 3). The same plan gives the same frames on the same device."""
        with out_of_memory("generate"), torch.inference_mode():
            check()
            return self.load(MODELS[plan.model]).generate(plan, on_step, check)

    def load(self, model: Model) -> AnimateDiff:
        if self._loaded is None or self._loaded.model is not model:
            # Free the memory of the previous model before the next one is loaded.
            self._loaded = None
            folder = find_folder(model, self.models_dir)
            if folder is None:
                raise StageFailed("generate", missing_files(model, self.models_dir))
            self._loaded = AnimateDiff(model, folder, self.device, offload=self.offload)
        return self._loaded
