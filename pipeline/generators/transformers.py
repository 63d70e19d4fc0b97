"""Families with a video transformer and a 3D VAE: Wan, LTX-Video, CogVideoX. Their pipelines decode by themselves."""

from typing import Any

from diffusers import LTXImageToVideoPipeline
from torch import Tensor

from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan
from pipeline.generators import images
from pipeline.generators.base import DiffusersGenerator, never_stopped


class Wan(DiffusersGenerator):
    """The VAE works in single precision: half precision shows as noise in dark areas."""


class CogVideoX(DiffusersGenerator):
    """Draws a fixed number of frames."""

    # Latents are (1, T, C, h, w).
    frame_dimension = 1


class LTXVideo(DiffusersGenerator):
    """With an image, the same weights run in the image-to-video pipeline."""

    def pipeline(self, plan: Plan, loaded: Any) -> Any:
        return LTXImageToVideoPipeline(**loaded.components) if plan.image else loaded

    def arguments(self, plan: Plan, check: CheckStopped = never_stopped) -> dict[str, Any]:
        values = super().arguments(plan) | {"frame_rate": self.model.native_fps}
        if plan.image:
            values["image"] = images.decode(plan.image, plan.base_width, plan.base_height)
        return values

    def as_video(self, pipeline: Any, plan: Plan, latents: Tensor) -> Tensor:
        """The denoiser works on tokens. With an image, the scheduler gets the frames after it as a video."""
        if latents.ndim == 5:
            return latents
        frames = (plan.frames_to_draw - 1) // pipeline.vae_temporal_compression_ratio + 1
        sides = (side // pipeline.vae_spatial_compression_ratio for side in (plan.base_height, plan.base_width))
        patches = pipeline.transformer_spatial_patch_size, pipeline.transformer_temporal_patch_size
        video: Tensor = pipeline._unpack_latents(latents, frames, *sides, *patches)
        return video
