"""A Spec resolved to numbers of frames, sizes and model settings."""

import hashlib
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from pipeline.contract.spec import Format, LoraUse, Scheduler

SPAN_FRAMES: Final = 16
NOT_INTERPOLATED: Final = "interpolation was not needed: the model generates at this frame rate"
NOT_UPSCALED: Final = "upscaling was not needed: the model generates at this size"
HASH_PREFIX: Final = "sha256:"


class Span(BaseModel):
    """The output frames from `start` (included) to `stop` (excluded): the unit of work after the base clip."""

    model_config = ConfigDict(frozen=True)

    index: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class Plan(BaseModel):
    """A Spec with every default resolved. The same Plan gives the same video.

    Unknown fields are ignored, so a Plan stored by a newer version can be read.
    """

    model_config = ConfigDict(frozen=True)

    prompt: str
    negative_prompt: str
    seed: int
    model: str
    revision: str
    scheduler: Scheduler
    num_inference_steps: int
    guidance_scale: float
    base_width: int = Field(description="width of the generated frames in pixels, a multiple of 8")
    base_height: int
    base_frames: int
    drawn_frames: int = Field(0, description="frames the model draws, of which the first base_frames are used; 0: all")
    upscale: int = Field(description="factor of the upscaler before the exact resize: 1 (skipped), 2 or 4")
    upscaler: str = Field("", description="name of the upscaler; empty: the model's own for the factor")
    denoise_strength: float = 0.5
    width: int
    height: int
    fps: int
    frames: int
    format: Format
    original_prompt: str = Field("", description="the requested prompt, if the prompt was completed")
    prompt_travel: dict[int, str] = Field(default_factory=dict, description="prompts by base frame")
    loras: tuple[LoraUse, ...] = ()
    loop: bool = False
    image: str = Field("", description="the first frame in base64; `sha256:…` in a recipe and with a kept base clip")
    reused_base: bool = Field(False, description="finished from the kept base clip of another video: nothing was drawn")
    embed_prompt: bool = Field(False, description="the file's metadata has the prompts too")
    warnings: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by field names, so that processes of different versions can exchange a Plan."""
        return type(self).model_validate, (self.model_dump(),)

    @property
    def interpolated(self) -> bool:
        """Whether the interpolator is needed."""
        return self.frames != self.base_frames - self.loop

    @property
    def frames_to_draw(self) -> int:
        return self.drawn_frames or self.base_frames - self.loop

    @property
    def spans(self) -> tuple[Span, ...]:
        starts = range(0, self.frames, SPAN_FRAMES)
        return tuple(Span(index=i, start=s, stop=min(s + SPAN_FRAMES, self.frames)) for i, s in enumerate(starts))

    @property
    def duration_seconds(self) -> float:
        return self.frames / self.fps

    def positions(self, span: Span) -> list[float]:
        """The positions of the span's frames in the base clip: output frame k of N is at k (B - 1) / (N - 1).

        The base clip of a loop ends with its first frame, which output frame N would be: k (B - 1) / N.
        """
        if self.frames == 1:
            return [0.0]
        intervals = self.frames - 1 + self.loop
        return [k * (self.base_frames - 1) / intervals for k in range(span.start, span.stop)]


def image_hash(image: str) -> str:
    """The image in a recipe: the hash of its base64. A hash stays the same, and no image is empty."""
    if not image or image.startswith(HASH_PREFIX):
        return image
    return HASH_PREFIX + hashlib.sha256(image.encode()).hexdigest()
