"""ModelScope and Zeroscope: a 3D UNet on the VAE of Stable Diffusion 2.1."""

from collections.abc import Iterator
from typing import Any

from diffusers.pipelines.deprecated.text_to_video_synthesis.pipeline_text_to_video_synth import TextToVideoSDPipeline
from torch import Tensor

from pipeline.clip import Frames
from pipeline.contract.errors import CheckStopped
from pipeline.generators.base import AfterCall, DiffusersGenerator
from pipeline.generators.frame_vae import decode_frames
from pipeline.models.fit import Fit


class TextToVideoSD(DiffusersGenerator):
    """The pipeline is deprecated in diffusers: it takes the legacy callback, which only reports."""

    decodes_latents = True

    def load(self) -> Any:
        return TextToVideoSDPipeline.from_pretrained(self.parts["base"], **self.local_files)

    def hook(self, after_call: AfterCall) -> dict[str, Any]:
        def callback(step: int, timestep: Any, latents: Tensor) -> None:
            # The legacy callback counts steps, not calls.
            after_call(step * self._calls_per_step, latents)

        return {"callback": callback}

    def decode(self, pipeline: Any, output: Tensor, fit: Fit, check: CheckStopped) -> Iterator[Frames]:
        return decode_frames(pipeline, output, fit, check)
