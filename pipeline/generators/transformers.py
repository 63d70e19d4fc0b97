"""Families with a video transformer and a 3D VAE: Wan, LTX-Video, CogVideoX. Their pipelines decode by themselves."""

from typing import Any

from diffusers import LTXImageToVideoPipeline

from pipeline.contract.plan import Plan
from pipeline.generators import images
from pipeline.generators.base import DiffusersGenerator


class Wan(DiffusersGenerator):
    """The VAE works in single precision: half precision shows as noise in dark areas."""


class CogVideoX(DiffusersGenerator):
    """Draws a fixed number of frames."""


class LTXVideo(DiffusersGenerator):
    """With an image, the same weights run in the image-to-video pipeline."""

    def pipeline(self, plan: Plan) -> Any:
        if not plan.image:
            return self._bare
        return LTXImageToVideoPipeline(**self._bare.components)

    def arguments(self, plan: Plan) -> dict[str, Any]:
        values = super().arguments(plan) | {"frame_rate": self.model.native_fps}
        if plan.image:
            values["image"] = images.decode(plan.image, plan.base_width, plan.base_height)
        return values
