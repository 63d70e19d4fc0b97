"""AnimateDiff on Stable Diffusion 1.5 and XL: a base checkpoint, and the motion adapter that animates it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import (
    AnimateDiffPipeline,
    AnimateDiffSDXLPipeline,
    MotionAdapter,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from pipeline.clip import Frames
from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan
from pipeline.generators.base import DiffusersGenerator, never_stopped
from pipeline.generators.frame_vae import decode_frames
from pipeline.generators.loras import VariantKey
from pipeline.models.fit import Fit

# The windows still overlap by half, with 24 % less computation than the diffusers default of 4.
FREE_NOISE_STRIDE: Final = 8
SINGLE_FILE: Final = "model.safetensors"
MOTION_MODULE: Final = "motion-module.safetensors"
# Parts of Stable Diffusion that AnimateDiff does not use, although `model_index.json` names them.
UNUSED: Final = ("feature_extractor", "image_encoder")


class AnimateDiff(DiffusersGenerator):
    """Clips longer than the motion adapter's context, and prompts that change, are drawn with FreeNoise."""

    decodes_latents = True

    def load(self) -> Any:
        folder = self.parts["base"]
        adapter = load_motion_adapter(self.parts["motion-adapter"], self.local_files)
        if (folder / SINGLE_FILE).exists():
            return AnimateDiffPipeline(**load_single_file(folder, self.dtype), motion_adapter=adapter)
        unused = dict.fromkeys(UNUSED)
        return AnimateDiffPipeline.from_pretrained(folder, motion_adapter=adapter, **unused, **self.local_files)

    def free_noise_context(self, plan: Plan) -> int:
        needed = plan.frames_to_draw > self.model.context_frames or plan.prompt_travel
        return min(self.model.context_frames, plan.frames_to_draw) if needed and self.family.free_noise else 0

    def build_variant(self, key: VariantKey) -> Any:
        pipeline = super().build_variant(key)
        if key.context:
            pipeline.enable_free_noise(context_length=key.context, context_stride=FREE_NOISE_STRIDE)
            pipeline.unet.load_state_dict(self._bare.unet.state_dict(keep_vars=True), assign=True)
        return pipeline

    def arguments(self, plan: Plan, check: CheckStopped = never_stopped) -> dict[str, Any]:
        values = super().arguments(plan)
        if plan.prompt_travel:
            values["prompt"] = {0: plan.prompt} | plan.prompt_travel
        return values

    def decode(self, pipeline: Any, output: Tensor, fit: Fit, check: CheckStopped) -> Iterator[Frames]:
        return decode_frames(pipeline, output, fit, check)


class AnimateDiffXL(AnimateDiff):
    """The same on Stable Diffusion XL. Its pipeline has no FreeNoise."""

    def load(self) -> Any:
        adapter = load_motion_adapter(self.parts["motion-adapter"], {**self.local_files, "variant": None})
        unet = UNet2DConditionModel.from_pretrained(self.parts["base"] / "unet", **self.local_files)
        pipeline = AnimateDiffSDXLPipeline.from_pretrained(
            self.parts["base"], unet=unet, motion_adapter=adapter, **dict.fromkeys(UNUSED), **self.local_files
        )
        # diffusers copies all layers to the motion UNet but this one, which would keep random weights.
        pipeline.unet.add_embedding.load_state_dict(unet.add_embedding.state_dict())
        return pipeline


def load_single_file(folder: Path, dtype: torch.dtype) -> dict[str, Any]:
    """The parts of a checkpoint in one file. The configurations and the tokenizer lie beside it."""
    base = StableDiffusionPipeline.from_single_file(
        folder / SINGLE_FILE, config=str(folder), local_files_only=True, dtype=dtype, safety_checker=None,
        **dict.fromkeys(UNUSED),
    )  # fmt: skip
    return {name: part for name, part in base.components.items() if name != "safety_checker"}


def load_motion_adapter(folder: Path, local_files: Mapping[str, Any]) -> MotionAdapter:
    """A folder in diffusers' layout, or a motion module whose sizes are read from its tensors."""
    if not (folder / MOTION_MODULE).exists():
        return MotionAdapter.from_pretrained(folder, **local_files)
    weights = load_file(folder / MOTION_MODULE)
    with safe_open(folder / MOTION_MODULE, framework="pt") as file:
        length = int((file.metadata() or {}).get("motion_max_seq_length", 32))
    adapter = MotionAdapter(**motion_adapter_sizes(weights), motion_max_seq_length=length)
    # The position embeddings are computed, not learned; some files contain them and some do not.
    computed = {key: value for key, value in adapter.state_dict().items() if "pos_embed" in key}
    adapter.load_state_dict({**computed, **weights})
    return adapter.to(local_files["dtype"])


def motion_adapter_sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of MotionAdapter for these tensors. All published modules have 8 heads."""
    norms = {key: tensor for key, tensor in weights.items() if key.endswith("motion_modules.0.norm.weight")}
    down = sorted((key for key in norms if key.startswith("down_blocks.")), key=lambda key: int(key.split(".")[1]))
    layers = {key.split(".")[3] for key in weights if key.startswith("down_blocks.0.motion_modules.")}
    if not down:
        raise ValueError("not a motion module: it contains no down_blocks.*.motion_modules.0.norm.weight")
    return {
        "block_out_channels": tuple(norms[key].shape[0] for key in down),
        "motion_layers_per_block": len(layers),
        "use_motion_mid_block": any(key.startswith("mid_block.") for key in weights),
    }
