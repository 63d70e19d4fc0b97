"""Loads an AnimateDiff pipeline of diffusers from local files and hands it out ready for a plan."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import diffusers.utils.logging
import torch
import transformers.utils.logging
from diffusers import (
    AnimateDiffPipeline,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    MotionAdapter,
)

from pipeline.models.registry import Model
from pipeline.spec import Plan, Scheduler

FREE_NOISE_STRIDE: Final = 8  # 24 % less work than diffusers' 4, with windows that still overlap by half
LEAST_ALPHA: Final = 2.0**-24
LCM_STEPS: Final = 50  # the steps of the teacher that LCM skips through: never fewer than what is asked for

SCHEDULERS: Final[Mapping[Scheduler, Any]] = {
    Scheduler.DDIM: DDIMScheduler,
    Scheduler.EULER: EulerDiscreteScheduler,
    Scheduler.HEUN: HeunDiscreteScheduler,
    Scheduler.DPMPP: DPMSolverMultistepScheduler,
    Scheduler.LCM: LCMScheduler,
}


class AnimateDiff:
    """One model on one device: float32 on the CPU, half precision on a GPU.

    `offload` moves each part to the GPU only while it works; None decides by the card's memory.
    """

    def __init__(self, model: Model, folder: Path, device: str, *, offload: bool | None = None) -> None:
        self.model = model
        self.device = torch.device(device)
        self.dtype = torch.float32 if self.device.type == "cpu" else torch.float16
        self._short = _load(folder, self.dtype)
        self._long: Any = None
        self._offload = self._too_small() if offload is None else offload
        self._scheduler_config = {**self._short.scheduler.config, **model.scheduler_config}

    def pipeline(self, plan: Plan) -> Any:
        """The pipeline for this plan, with a fresh scheduler; FreeNoise when there are more frames than its context."""
        pipeline = self._short if plan.base_frames <= self.model.context_frames else self._with_free_noise()
        self._place(pipeline)
        pipeline.scheduler = scheduler(plan, self._scheduler_config)
        return pipeline

    def _with_free_noise(self) -> Any:
        """FreeNoise replaces modules for good, so it gets a pipeline of its own that shares every weight."""
        if self._long is None:
            self._short.remove_all_hooks()
            parts = dict(self._short.components)
            parts["unet"] = _same_weights(self._short.unet)
            self._long = _quiet(AnimateDiffPipeline(**parts))
            self._long.enable_free_noise(context_length=self.model.context_frames, context_stride=FREE_NOISE_STRIDE)
            self._long.unet.load_state_dict(self._short.unet.state_dict(keep_vars=True), assign=True)
        return self._long

    def _place(self, pipeline: Any) -> None:
        """Where the next run needs it. With offloading the hooks go along, because both pipelines share their parts."""
        if self._offload:
            pipeline.enable_model_cpu_offload(device=self.device)
        else:
            pipeline.to(self.device)

    def _too_small(self) -> bool:
        if self.device.type != "cuda":
            return False
        return torch.cuda.get_device_properties(self.device).total_memory < self.model.vram_bytes


def scheduler(plan: Plan, config: Mapping[str, Any]) -> Any:
    """The sampler the plan names, with the noise schedule that the model was trained on."""
    extra: dict[str, Any] = {}
    if plan.scheduler is Scheduler.DPMPP:
        extra = {"algorithm_type": "dpmsolver++", "solver_order": 2}
    if plan.scheduler is Scheduler.LCM:
        extra = {"original_inference_steps": max(LCM_STEPS, plan.num_inference_steps)}
    if plan.scheduler is Scheduler.HEUN and config.get("rescale_betas_zero_snr"):
        extra = {"trained_betas": zero_snr_betas(config)}
    return SCHEDULERS[plan.scheduler].from_config({**config, **extra})


def zero_snr_betas(config: Mapping[str, Any]) -> list[float]:
    """The noise schedule that ends in pure noise, for Heun, which has no switch for it.

    The other samplers end at a cumulative alpha of 2^-24, because a true zero divides by zero; so does this one.
    """
    betas: torch.Tensor = DDIMScheduler.from_config(config).betas.double()
    before_last = (1 - betas[:-1]).prod()
    return [*betas[:-1].tolist(), float(1 - LEAST_ALPHA / before_last)]


def _load(folder: Path, dtype: torch.dtype) -> Any:
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    local = {"local_files_only": True, "use_safetensors": True, "dtype": dtype}
    adapter = MotionAdapter.from_pretrained(folder / "motion-adapter", **local)
    pipeline = AnimateDiffPipeline.from_pretrained(folder / "base", motion_adapter=adapter, **local)
    pipeline.vae.enable_slicing()
    return _quiet(pipeline)


def _quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _same_weights(module: torch.nn.Module) -> torch.nn.Module:
    """A copy of the modules around the very same tensors."""
    tensors = (*module.parameters(), *module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
