"""Stable Video Diffusion: the motion of one image."""

from collections.abc import Iterator
from typing import Any, Final

import torch
from diffusers import StableDiffusionPipeline, StableVideoDiffusionPipeline
from PIL import Image
from torch import Tensor

from pipeline.clip import Frames
from pipeline.contract.errors import CheckStopped, StageFailed
from pipeline.contract.plan import Plan
from pipeline.generators import images
from pipeline.generators.base import DiffusersGenerator, never_stopped
from pipeline.models.fit import Fit
from pipeline.models.tensors import to_frames

FIRST_FRAME_STEPS: Final = 25
FIRST_FRAME_GUIDANCE: Final = 7.5
# The longer side of the first frame drawn by SD 1.5: larger pictures repeat their subject.
FIRST_FRAME_SIDE: Final = 768


class StableVideoDiffusion(DiffusersGenerator):
    """Without an image, the first frame is drawn by the text model of the part `text-to-image`."""

    decodes_latents = True
    # Latents are (1, T, C, h, w).
    frame_dimension = 1

    def load(self) -> Any:
        return StableVideoDiffusionPipeline.from_pretrained(self.parts["base"], **self.local_files)

    def arguments(self, plan: Plan, check: CheckStopped = never_stopped) -> dict[str, Any]:
        values = super().arguments(plan)
        del values["prompt"]
        return values | {"image": self._first_frame(plan, check), "fps": self.model.native_fps}

    def _first_frame(self, plan: Plan, check: CheckStopped) -> Image.Image:
        if plan.image:
            return images.decode(plan.image, plan.base_width, plan.base_height)
        if "text-to-image" not in self.parts:
            raise StageFailed("generate", f"{self.model.name} needs an image, or the model sd15 for the first frame")
        return self._draw_first_frame(plan, check)

    def _draw_first_frame(self, plan: Plan, check: CheckStopped) -> Image.Image:
        """The text model is loaded for this call only."""

        def after_step(_: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            check()
            return tensors

        pipeline = StableDiffusionPipeline.from_pretrained(
            self.parts["text-to-image"], safety_checker=None, feature_extractor=None, image_encoder=None,
            **{**self.local_files, "variant": None},
        )  # fmt: skip
        pipeline.set_progress_bar_config(disable=True)
        scale = min(1.0, FIRST_FRAME_SIDE / max(plan.base_width, plan.base_height))
        width, height = (max(64, round(side * scale / 8) * 8) for side in (plan.base_width, plan.base_height))
        drawn = pipeline.to(self.device)(
            plan.prompt, negative_prompt=plan.negative_prompt or None, width=width, height=height,
            num_inference_steps=FIRST_FRAME_STEPS, guidance_scale=FIRST_FRAME_GUIDANCE,
            generator=torch.Generator("cpu").manual_seed(plan.seed), callback_on_step_end=after_step,
        ).images[0]  # fmt: skip
        return images.fill(drawn, plan.base_width, plan.base_height)

    def decode(self, pipeline: Any, output: Tensor, fit: Fit, check: CheckStopped) -> Iterator[Frames]:
        """The decoder also works in time: larger batches flicker less, and all frames at once is the reference."""
        pixels = output.shape[-1] * output.shape[-2] * pipeline.vae_scale_factor**2
        upcast = pipeline.vae.dtype == torch.float16 and pipeline.vae.config.force_upcast
        original = pipeline.vae.dtype
        if upcast:
            pipeline.vae.to(torch.float32)
        check()
        chunk = len(output[0]) if not self.hardware.is_gpu else max(2, fit.decoded_pixels // pixels)
        decoded = pipeline.decode_latents(output.to(pipeline.vae.dtype), output.shape[1], chunk)
        if upcast:
            pipeline.vae.to(original)
        yield to_frames(decoded[0].transpose(0, 1).div(2).add(0.5))
