"""AnimateDiff: loads the diffusers pipeline from local files and generates the base clip of a plan."""

import copy
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import diffusers.utils.logging
import numpy as np
import torch
import transformers.utils.logging
from diffusers import AnimateDiffPipeline, MotionAdapter
from torch import Tensor

from pipeline.clip import Clip, Frames
from pipeline.contract.catalog import Model
from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan
from pipeline.encoders import webp
from pipeline.generators.schedulers import create_scheduler, record_denoised
from pipeline.models.tensors import dtype_for, to_frames

# Called after each step with the step (from 1), the number of steps, and the preview (WebP) of some of the steps.
StepCallback = Callable[[int, int, bytes | None], None]

# The windows still overlap by half, with 24 % less computation than the diffusers default of 4.
FREE_NOISE_STRIDE: Final = 8
# Previews per run, without the one of the last step.
PREVIEWS: Final = 6
PREVIEW_FRAMES: Final = 8
PREVIEW_BYTES: Final = 64_000
PREVIEW_SIDE: Final = 256
# Pixels that are decoded between two checks for a stop.
DECODE_PIXELS: Final = 4 * 512 * 512

# Contribution of each of the four latent channels of Stable Diffusion 1.x to red, green and blue in -1..1.
# A least-squares fit of frames to their latents, for previews only.
LATENT_TO_RGB: Final = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)


class AnimateDiff:
    """One model on one device.

    `offload` keeps each part on the GPU only while it computes. None offloads if the GPU has less memory than the
    model needs.
    """

    def __init__(self, model: Model, folder: Path, device: str, *, offload: bool | None = None) -> None:
        self.model = model
        self.device = torch.device(device)
        self._short = _load(folder, dtype_for(device))
        self._long: Any = None
        self._offload = self._exceeds_memory() if offload is None else offload
        self._scheduler_config = {**self._short.scheduler.config, **model.scheduler_config}

    def generate(self, plan: Plan, on_step: StepCallback, check: CheckStopped) -> Clip:
        """uint8 (base_frames, base_height, base_width, 3) at the model's frame rate."""
        pipeline = self.pipeline(plan)
        latents = self._denoise(pipeline, plan, on_step, check)
        return Clip(np.concatenate(list(_decode(pipeline, latents, check))), self.model.native_fps)

    def pipeline(self, plan: Plan) -> Any:
        """The pipeline with a new scheduler; with FreeNoise if the plan has more frames than the model's context."""
        pipeline = self._short if plan.base_frames <= self.model.context_frames else self._free_noise_pipeline()
        if self._offload:
            # Both pipelines share their parts, so the offload hooks must be installed again for each run.
            pipeline.enable_model_cpu_offload(device=self.device)
        else:
            pipeline.to(self.device)
        pipeline.scheduler = create_scheduler(plan, self._scheduler_config)
        return pipeline

    def _free_noise_pipeline(self) -> Any:
        """A second pipeline with the same weights, because FreeNoise replaces modules permanently."""
        if self._long is None:
            self._short.remove_all_hooks()
            parts = dict(self._short.components)
            parts["unet"] = _copy_with_shared_weights(self._short.unet)
            self._long = AnimateDiffPipeline(**parts)
            self._long.set_progress_bar_config(disable=True)
            self._long.enable_free_noise(context_length=self.model.context_frames, context_stride=FREE_NOISE_STRIDE)
            self._long.unet.load_state_dict(self._short.unet.state_dict(keep_vars=True), assign=True)
        return self._long

    def _exceeds_memory(self) -> bool:
        if self.device.type != "cuda":
            return False
        return torch.cuda.get_device_properties(self.device).total_memory < self.model.vram_bytes

    def _denoise(self, pipeline: Any, plan: Plan, on_step: StepCallback, check: CheckStopped) -> Tensor:
        """Latents (1, C, T, h, w)."""
        denoised = record_denoised(pipeline.scheduler)
        # Heun calls the network twice per step.
        calls_per_step = pipeline.scheduler.order
        steps = plan.num_inference_steps
        stride = math.ceil(steps / PREVIEWS)

        def after_call(_: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            check()
            step = index // calls_per_step + 1
            has_preview = index % calls_per_step == 0 and (step % stride == 0 or step == steps)
            on_step(step, steps, self._preview(pipeline, denoised(tensors["latents"])) if has_preview else None)
            return tensors

        try:
            return pipeline(
                prompt=plan.prompt,
                negative_prompt=plan.negative_prompt or None,
                num_frames=plan.base_frames,
                width=plan.base_width,
                height=plan.base_height,
                num_inference_steps=steps,
                guidance_scale=plan.guidance_scale,
                generator=torch.Generator("cpu").manual_seed(plan.seed),
                output_type="latent",
                callback_on_step_end=after_call,
            ).frames
        finally:
            pipeline.maybe_free_model_hooks()

    def _preview(self, pipeline: Any, latents: Tensor) -> bytes:
        """An animated WebP of a few frames."""
        chosen = webp.spread(latents.shape[2], PREVIEW_FRAMES)
        latents, fps = latents[:, :, chosen], self.model.native_fps * len(chosen) / latents.shape[2]
        if self.model.preview == "vae":
            frames = np.concatenate(list(_decode(pipeline, latents, lambda: None)))
        else:
            frames = to_frames(approximate_rgb(latents))
        return webp.encode_animation(frames, fps, PREVIEW_BYTES, PREVIEW_SIDE)


def approximate_rgb(latents: Tensor) -> Tensor:
    """Latents (1, 4, T, h, w) of Stable Diffusion 1.x to RGB (T, 3, h, w) in 0..1, without the VAE."""
    factors = torch.tensor(LATENT_TO_RGB, device=latents.device)
    return torch.einsum("ctyx,cr->tryx", latents[0].float(), factors).div(2).add(0.5).clamp(0, 1)


def _decode(pipeline: Any, latents: Tensor, check: CheckStopped) -> Iterator[Frames]:
    """Latents (1, C, T, h, w) to uint8 (t, H, W, 3), in batches: only the uint8 frames of the whole clip are kept."""
    vae = pipeline.vae
    frames = (latents / vae.config.scaling_factor)[0].transpose(0, 1).to(vae.dtype)
    pixels = frames.shape[-1] * frames.shape[-2] * pipeline.vae_scale_factor**2
    for batch in frames.split(max(1, DECODE_PIXELS // pixels)):
        check()
        yield to_frames(vae.decode(batch).sample.float().div(2).add(0.5))


def _load(folder: Path, dtype: torch.dtype) -> Any:
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    local = {"local_files_only": True, "use_safetensors": True, "dtype": dtype}
    adapter = MotionAdapter.from_pretrained(folder / "motion-adapter", **local)
    pipeline = AnimateDiffPipeline.from_pretrained(folder / "base", motion_adapter=adapter, **local)
    pipeline.vae.enable_slicing()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _copy_with_shared_weights(module: torch.nn.Module) -> torch.nn.Module:
    """A deep copy whose parameters and buffers are the same tensors."""
    tensors = (*module.parameters(), *module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
