"""The families of generators: what all models of one diffusers pipeline have in common. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pipeline.contract.spec import Scheduler

# The value of PyTorch's precision settings, as used in settings and in `Family.dtypes`.
Precision = Literal["fp32", "fp16", "bf16"]


@dataclass(frozen=True, slots=True)
class Family:
    """`pipeline` is the diffusers class.

    Sides are multiples of `size_multiple`. The number of frames is k * `frame_step` + `frame_offset`, or one of
    `fixed_frames`. `guidance` is the argument for the guidance scale. `dtypes` are parts with a precision of their own,
    whatever the setting; `precision` is the default on a GPU. `denoiser` is the part that LoRAs are added to.
    """

    name: str
    title: str
    pipeline: str
    denoiser: Literal["unet", "transformer"] = "unet"
    size_multiple: int = 8
    frame_step: int = 1
    frame_offset: int = 0
    fixed_frames: tuple[int, ...] = ()
    guidance: str = "guidance_scale"
    negative_prompt: bool = True
    image: Literal["", "optional", "required"] = ""
    precision: Precision = "fp16"
    dtypes: Mapping[str, Precision] = field(default_factory=dict)
    schedulers: tuple[Scheduler, ...] = (Scheduler.OWN,)
    loras: bool = True
    # Features that only some families have.
    prompt_travel: bool = False
    loop: bool = False
    free_noise: bool = False

    def drawable_frames(self, wanted: int) -> int:
        """The smallest number of frames that the model can draw and that is at least `wanted`."""
        if self.fixed_frames:
            return next((count for count in self.fixed_frames if count >= wanted), self.fixed_frames[-1])
        blocks = -(-max(0, wanted - self.frame_offset) // self.frame_step)
        return max(1, blocks) * self.frame_step + self.frame_offset


# The samplers that need no other weights. LCM is for weights that were distilled for it.
EXACT_SAMPLERS: Final = (Scheduler.DDIM, Scheduler.EULER, Scheduler.HEUN, Scheduler.DPMPP, Scheduler.OWN)

_FAMILIES: Final = (
    Family(
        "animatediff", "AnimateDiff on Stable Diffusion 1.5", "AnimateDiffPipeline", schedulers=tuple(Scheduler),
        prompt_travel=True, loop=True, free_noise=True,
    ),
    Family(
        "animatediff-sdxl", "AnimateDiff on Stable Diffusion XL", "AnimateDiffSDXLPipeline",
        schedulers=tuple(Scheduler), loop=True,
    ),
    Family(
        # diffusers cannot add LoRAs to its UNet.
        "text-to-video-sd", "ModelScope and Zeroscope", "TextToVideoSDPipeline", schedulers=EXACT_SAMPLERS, loras=False,
    ),
    Family(
        "stable-video-diffusion", "Stable Video Diffusion", "StableVideoDiffusionPipeline", size_multiple=64,
        guidance="max_guidance_scale", negative_prompt=False, image="required", loras=False,
    ),
    Family(
        "wan", "Wan", "WanPipeline", denoiser="transformer", size_multiple=16, frame_step=4, frame_offset=1,
        precision="bf16", dtypes={"vae": "fp32"},
    ),
    Family(
        "ltx", "LTX-Video", "LTXPipeline", denoiser="transformer", size_multiple=32, frame_step=8, frame_offset=1,
        image="optional", precision="bf16",
    ),
    Family(
        "cogvideox", "CogVideoX", "CogVideoXPipeline", denoiser="transformer", size_multiple=16, fixed_frames=(49,),

    ),
)  # fmt: skip

FAMILIES: Final[Mapping[str, Family]] = {family.name: family for family in _FAMILIES}
