"""Text to a short clip at the model's own size and rate."""

import functools
import inspect
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from pipeline.clip import Clip, Frames
from pipeline.errors import StageFailed
from pipeline.models.animatediff import AnimateDiff
from pipeline.models.registry import MODELS, Model
from pipeline.spec import Plan
from pipeline.stages.tensors import device_named, out_of_memory, to_frames
from pipeline.stages.webp import few, moving

Report = Callable[[int, int, bytes | None], None]
Check = Callable[[], None]

PREVIEWS: Final = 6  # in one run, and the finished one
PREVIEW_FRAMES: Final = 8
PREVIEW_BYTES: Final = 64_000
PREVIEW_SIDE: Final = 256
DECODE_PIXELS: Final = 4 * 512 * 512  # how much is decoded between two checks

# How much each of the four latent channels of Stable Diffusion 1.x adds to red, green and blue in -1..1: a fit of
# pictures against their latents, good enough to watch a picture form.
LATENT_TO_RGB: Final = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)


class Generate:
    """Keeps the last model it was asked for."""

    def __init__(self, models_dir: Path, device: str = "auto", *, offload: bool | None = None) -> None:
        self.models_dir, self.device, self.offload = Path(models_dir), device_named(device), offload
        self._loaded: AnimateDiff | None = None

    def __call__(self, plan: Plan, report: Report, check: Check) -> Clip:
        """uint8 (base_frames, base_height, base_width, 3). The same plan gives the same frames on the same device."""
        with out_of_memory("generate"), torch.inference_mode():
            check()
            model = self.load(MODELS[plan.model])
            pipeline = model.pipeline(plan)
            latents = _denoise(pipeline, plan, model.model, report, check)
            frames = list(_decoded(pipeline, latents, check))
        return Clip(np.concatenate(frames), model.model.native_fps)

    def load(self, model: Model) -> AnimateDiff:
        if self._loaded is None or self._loaded.model is not model:
            self._loaded = None
            folder = model.folder(self.models_dir)
            if folder is None:
                raise StageFailed("generate", model.missing(self.models_dir))
            self._loaded = AnimateDiff(model, folder, self.device, offload=self.offload)
        return self._loaded


def _denoise(pipeline: Any, plan: Plan, model: Model, report: Report, check: Check) -> Tensor:
    """Latents (1, C, T, h, w), after a report and a check at every step."""
    clean = _remember_clean(pipeline.scheduler)
    order = pipeline.scheduler.order  # Heun calls the network twice in a step

    def after_step(_: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        check()
        step, steps = index // order + 1, plan.num_inference_steps
        shown = index % order == 0 and (step % math.ceil(steps / PREVIEWS) == 0 or step == steps)
        report(step, steps, _preview(pipeline, clean(tensors["latents"]), model) if shown else None)
        return tensors

    try:
        return pipeline(
            prompt=plan.prompt,
            negative_prompt=plan.negative_prompt or None,
            num_frames=plan.base_frames,
            width=plan.base_width,
            height=plan.base_height,
            num_inference_steps=plan.num_inference_steps,
            guidance_scale=plan.guidance_scale,
            generator=torch.Generator("cpu").manual_seed(plan.seed),
            output_type="latent",
            callback_on_step_end=after_step,
        ).frames
    finally:
        pipeline.maybe_free_model_hooks()


def _remember_clean(scheduler: Any) -> Callable[[Tensor], Tensor]:
    """Watches the steps of a scheduler: noisy latents in, the clean ones that its last step pointed at out."""
    seen: list[Tensor] = []
    step = scheduler.step

    @functools.wraps(step)
    def remembering(*args: Any, **kwargs: Any) -> Any:
        output = step(*args, **kwargs)
        clean = getattr(output, "pred_original_sample", None)
        clean = getattr(output, "denoised", None) if clean is None else clean
        if clean is None:
            clean = (getattr(scheduler, "model_outputs", None) or [None])[-1]
        seen[:] = [] if clean is None else [clean]
        return output

    remembering.__signature__ = inspect.signature(step)  # type: ignore[attr-defined]
    scheduler.step = remembering
    return lambda noisy: seen[0] if seen else noisy


def _preview(pipeline: Any, latents: Tensor, model: Model) -> bytes:
    """A moving WebP of a few frames."""
    chosen = few(range(latents.shape[2]), PREVIEW_FRAMES)
    some = latents[:, :, chosen]
    if model.preview == "vae":
        frames = np.concatenate(list(_decoded(pipeline, some, lambda: None)))
    else:
        frames = to_frames(_linear(some))
    return moving(frames, model.native_fps * len(chosen) / latents.shape[2], PREVIEW_BYTES, PREVIEW_SIDE)


def _linear(latents: Tensor) -> Tensor:
    """Latents (1, 4, T, h, w) of Stable Diffusion 1.x to RGB (T, 3, h, w) in 0..1, without the VAE."""
    factors = torch.tensor(LATENT_TO_RGB, device=latents.device)
    return torch.einsum("ctyx,cr->tryx", latents[0].float(), factors).div(2).add(0.5).clamp(0, 1)


def _decoded(pipeline: Any, latents: Tensor, check: Check) -> Iterator[Frames]:
    """Latents (1, C, T, h, w) to uint8 frames (t, H, W, 3), some at a time: of all there are only bytes."""
    vae = pipeline.vae
    frames = (latents / vae.config.scaling_factor)[0].transpose(0, 1).to(vae.dtype)
    pixels = frames.shape[-1] * frames.shape[-2] * pipeline.vae_scale_factor**2
    for some in frames.split(max(1, DECODE_PIXELS // pixels)):
        check()
        yield to_frames(vae.decode(some).sample.float().div(2).add(0.5))
