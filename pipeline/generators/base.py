"""The interface between the stage and the families: `Generator`, and what all diffusers pipelines have in common.

A family is a subclass of `DiffusersGenerator`. It loads the models, makes the arguments of a plan, and decodes.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import diffusers.utils.logging
import numpy as np
import torch
import transformers.utils.logging
from torch import Tensor

from pipeline.clip import Clip, Frames
from pipeline.contract.catalog import Model, family_of
from pipeline.contract.errors import CheckStopped, StageFailed
from pipeline.contract.plan import Plan
from pipeline.generators import latent_colours, loras, previews
from pipeline.generators.loops import LatentShift
from pipeline.generators.schedulers import create_scheduler, record_denoised
from pipeline.models.fit import Fit, choose_fit
from pipeline.models.hardware import DTYPES, Device
from pipeline.models.tensors import to_frames

# Called after each step with the step (from 1), the number of steps, and the preview (WebP) of some of the steps.
Report = Callable[[int, int, bytes | None], None]
# Called with the noisy latents after each call of the denoiser.
AfterCall = Callable[[int, Tensor], Tensor]

# Classes of diffusers that are compiled: the repeated blocks of UNets and of video transformers.
COMPILED_BLOCKS: Final = frozenset({
    "ResnetBlock2D", "BasicTransformerBlock", "AnimateDiffTransformer3D", "TransformerTemporalModel",
    "SpatioTemporalResBlock", "TemporalBasicTransformerBlock", "WanTransformerBlock", "LTXVideoTransformerBlock",
    "CogVideoXBlock",
})  # fmt: skip
# Compiled versions of the blocks of one class: of each kind, for each size and length.
MAX_COMPILED_SHAPES: Final = 1024
LEAST_MEMORY: Final = Fit(offload=True, tiling=True, decoded_pixels=1)
# Pixels that are converted to uint8 at once.
CONVERTED_PIXELS: Final = 16 * 512 * 512


def never_stopped() -> None:
    """The check of a call that is not canceled."""


class Generator(Protocol):
    """A loaded model that draws base clips."""

    model: Model

    def draw(self, plan: Plan, report: Report, check: CheckStopped) -> Clip:
        """uint8 (base_frames, base_height, base_width, 3) at the model's frame rate."""


class DiffusersGenerator:
    """One model on one device. `parts` are the folders of its parts by role; `find_lora` finds the file of a LoRA."""

    # Whether `decode` receives latents, or the pixels (1, T, 3, H, W) that the pipeline has decoded.
    decodes_latents = False
    # Channels, frames, height and width of a batch of latents: the frames of a loop are rolled along this dimension.
    frame_dimension = 2

    def __init__(
        self, model: Model, parts: Mapping[str, Path], hardware: Device, find_lora: Callable[[str], Path]
    ) -> None:
        diffusers.utils.logging.disable_progress_bar()
        transformers.utils.logging.disable_progress_bar()
        self.model, self.family, self.parts, self.hardware = model, family_of(model), parts, hardware
        self.dtype = hardware.dtype(self.family.precision)
        self.device = hardware.torch_device
        self._find_lora = find_lora
        self._bare = self.load()
        for part, precision in self.family.dtypes.items():
            getattr(self._bare, part).to(DTYPES[precision])
        if hardware.compiled:
            compile_regions(getattr(self._bare, self.family.denoiser))
        self._scheduler_config = {**self._bare.scheduler.config, **model.scheduler_config}
        self._own_scheduler = type(self._bare.scheduler)
        # The pipeline of the last call, by FreeNoise and LoRAs.
        self._variant: tuple[loras.VariantKey, Any] | None = None
        self._calls_per_step = 1
        # Fitted before the first run.
        self._colours: latent_colours.Projection | None = None

    # What a family defines.

    def load(self) -> Any:
        """The diffusers pipeline, on the CPU, without LoRAs."""
        return getattr(diffusers, self.family.pipeline).from_pretrained(self.parts["base"], **self.local_files)

    def arguments(self, plan: Plan, check: CheckStopped = never_stopped) -> dict[str, Any]:
        """The arguments of the pipeline for a plan. What takes time calls `check`."""
        values: dict[str, Any] = {
            "prompt": plan.prompt,
            "num_frames": plan.frames_to_draw,
            "width": plan.base_width,
            "height": plan.base_height,
            "num_inference_steps": plan.num_inference_steps,
            self.family.guidance: plan.guidance_scale,
            "generator": torch.Generator("cpu").manual_seed(plan.seed),
            "output_type": "latent" if self.decodes_latents else "pt",
        }
        if self.family.negative_prompt:
            values["negative_prompt"] = plan.negative_prompt or None
        return values

    def decode(self, pipeline: Any, output: Tensor, fit: Fit, check: CheckStopped) -> Iterator[Frames]:
        """uint8 (t, H, W, 3) in batches: only the uint8 frames of the whole clip are kept."""
        pixels = output.shape[-1] * output.shape[-2]
        for batch in output[0].split(max(1, CONVERTED_PIXELS // pixels)):
            check()
            yield to_frames(batch)

    def hook(self, after_call: AfterCall) -> dict[str, Any]:
        """The arguments that make the pipeline call `after_call` after each call of the denoiser."""

        def on_step_end(_: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            tensors["latents"] = after_call(index, tensors["latents"])
            return tensors

        return {"callback_on_step_end": on_step_end}

    def build_variant(self, key: loras.VariantKey) -> Any:
        """The pipeline with the LoRAs of the key. The weights are shared with the bare pipeline."""
        return loras.copy_pipeline(self._bare, self.family.denoiser, with_text_encoder=bool(key.loras))

    def pipeline(self, plan: Plan, loaded: Any) -> Any:
        """The pipeline that the plan needs, with the parts of `loaded`: the bare pipeline, or one with LoRAs."""
        return loaded

    def as_video(self, pipeline: Any, plan: Plan, latents: Tensor) -> Tensor:
        """Latents as the pipeline or its scheduler shapes them to (1, C, T, h, w)."""
        return latents.transpose(1, 2) if self.frame_dimension == 1 else latents

    # What all families have in common.

    @property
    def local_files(self) -> dict[str, Any]:
        """The arguments of every `from_pretrained`: nothing is downloaded, and no pickled file is read."""
        values = {"local_files_only": True, "use_safetensors": True, "dtype": self.dtype}
        return values | ({"variant": self.model.variant} if self.model.variant else {})

    def draw(self, plan: Plan, report: Report, check: CheckStopped) -> Clip:
        """Out of memory in spite of the estimate, the clip is drawn once more with every measure that saves memory."""
        fit = choose_fit(self.model, plan, self.hardware.budget())
        try:
            return self._draw(plan, fit, report, check)
        except torch.OutOfMemoryError:
            if fit == LEAST_MEMORY:
                raise
        torch.cuda.empty_cache()
        return self._draw(plan, LEAST_MEMORY, report, check)

    def _draw(self, plan: Plan, fit: Fit, report: Report, check: CheckStopped) -> Clip:
        if self._colours is None and self.model.preview != "none" and not self._previews_by_vae:
            self._colours = latent_colours.fit(self._bare, self.device)
        pipeline = self.prepare(plan, fit)
        try:
            output = self._denoise(pipeline, plan, report, check)
            frames = np.concatenate(list(self.decode(pipeline, output, fit, check)))
        finally:
            pipeline.maybe_free_model_hooks()
        if plan.loop:
            frames = np.concatenate([frames[: plan.base_frames - 1], frames[:1]])
        if len(frames) < plan.base_frames:
            raise StageFailed("generate", f"{self.model.name} drew {len(frames)} of {plan.base_frames} frames")
        return Clip(frames[: plan.base_frames], self.model.native_fps)

    def prepare(self, plan: Plan, fit: Fit) -> Any:
        """The pipeline for a plan: with its LoRAs, a new scheduler, and on the device."""
        pipeline = self._find_variant(plan)
        if fit.offload and self.hardware.is_gpu:
            # The variants share their parts, so the hooks must be installed again for each run.
            pipeline.enable_model_cpu_offload(device=self.device)
        else:
            # Those of an earlier plan that was offloaded.
            pipeline.remove_all_hooks()
            pipeline.to(self.device)
        set_tiling(pipeline.vae, fit.tiling)
        pipeline.scheduler = create_scheduler(plan, self._scheduler_config, self._own_scheduler)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def _find_variant(self, plan: Plan) -> Any:
        fixed = tuple(loras.LoraFile(self.parts[role] / "lora.safetensors", w) for role, w in self.model.loras)
        requested = tuple(loras.LoraFile(self._find_lora(use.name), use.weight) for use in plan.loras)
        key = loras.VariantKey(self.free_noise_context(plan), (*fixed, *requested))
        if not key.context and not key.loras:
            return self.pipeline(plan, self._bare)
        if self._variant is None or self._variant[0] != key:
            # Release the previous variant first. Hooks would be copied with the modules.
            self._variant = None
            self._bare.remove_all_hooks()
            self._variant = key, loras.apply(self.build_variant(key), key)
        return self.pipeline(plan, self._variant[1])

    def free_noise_context(self, plan: Plan) -> int:
        """The window of FreeNoise in frames; 0: the plan needs none."""
        return 0

    def _denoise(self, pipeline: Any, plan: Plan, report: Report, check: CheckStopped) -> Tensor:
        """The output of the pipeline: latents, or pixels (1, T, 3, H, W)."""
        denoised = record_denoised(pipeline.scheduler)
        # Heun calls the network twice per step.
        calls_per_step = self._calls_per_step = pipeline.scheduler.order
        steps = plan.num_inference_steps
        stride = math.ceil(steps / previews.PREVIEWS)
        shift = LatentShift(self.frame_dimension)

        def after_call(index: int, latents: Tensor) -> Tensor:
            check()
            # The sampler that SD 1.5 was published with calls the network once more than there are steps.
            step = min(index // calls_per_step + 1, steps)
            has_preview = index % calls_per_step == 0 and (step % stride == 0 or step == steps)
            shown = shift.restore(_like(latents, denoised(latents))) if has_preview else latents
            report(step, steps, self._preview(pipeline, plan, shown) if has_preview else None)
            return shift.roll(latents) if plan.loop else latents

        output: Tensor = pipeline(**self.arguments(plan, check), **self.hook(after_call)).frames
        return shift.restore(output)

    @property
    def _previews_by_vae(self) -> bool:
        """Whether previews are decoded by the VAE instead of the linear approximation of it."""
        return self.model.preview == "vae" and self.decodes_latents

    def _preview(self, pipeline: Any, plan: Plan, latents: Tensor) -> bytes | None:
        """An animated WebP of a few frames of the latents, as the pipeline or its scheduler shapes them."""
        if self._previews_by_vae:
            numbers = torch.tensor(previews.choose_frames(latents.shape[self.frame_dimension]), device=latents.device)
            latents = latents.index_select(self.frame_dimension, numbers)
            frames = np.concatenate(list(self.decode(pipeline, latents, Fit(), lambda: None)))
        elif self._colours is not None:
            video = self.as_video(pipeline, plan, latents)
            chosen = previews.choose_frames(previews.used_latents(video.shape[2], plan))
            frames = to_frames(self._colours(video[:, :, chosen]))
        else:
            return None
        return previews.encode(frames, self.model.native_fps * len(frames) / previews.used_frames(plan))


def _like(latents: Tensor, denoised: Tensor) -> Tensor:
    """Denoised latents in the shape (1, C, T, h, w) of the pipeline; some schedulers work on (T, C, h, w)."""
    return denoised.transpose(0, 1)[None] if denoised.ndim == latents.ndim - 1 else denoised


def set_tiling(vae: Any, tiling: bool) -> None:
    """Decode tiles of the frames, and a few frames at a time, where the VAE can; or all at once."""
    if hasattr(vae, "use_tiling"):
        (vae.enable_tiling if tiling else vae.disable_tiling)()
    if hasattr(vae, "use_framewise_decoding"):
        vae.use_framewise_decoding = tiling


def compile_regions(denoiser: torch.nn.Module, backend: str = "inductor") -> None:
    """Compile the blocks that a denoiser repeats: much sooner done than the whole network, and reused for each.

    All blocks of a class share one limit. Beyond it, PyTorch runs new shapes without compiling them. Its default of 8
    is exceeded at once: the UNet of SD 1.5 has 14 kinds of ResnetBlock2D at one size. Sizes are not put into buckets:
    they come from `base_size`, one for each model and aspect ratio.
    """
    from torch._dynamo import config  # takes a second

    config.recompile_limit = config.accumulated_recompile_limit = MAX_COMPILED_SHAPES
    for module in denoiser.modules():
        if type(module).__name__ in COMPILED_BLOCKS:
            module.compile(dynamic=False, backend=backend)
