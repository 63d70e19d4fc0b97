"""What a person asks for (`Spec`), what that means in frames (`Plan`), and how far it is (`Progress`).

Nothing heavy is imported here: the gateway validates with it and must start without numpy, torch or ray.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MAX_PROMPT_CHARS: Final = 2000
MAX_VIDEO_PIXELS: Final = 640_000_000  # width x height x frames: 6 s at 24 fps and 2048x2048 fits, with a little room
MAX_SEED: Final = 2**32 - 1
MAX_GIF_FPS: Final = 50  # GIF counts in hundredths of a second and players refuse a delay below two of them
SPAN_FRAMES: Final = 16
MODELS_DEFAULT: Final = "null: the model's own default"


class Format(StrEnum):
    MP4 = "mp4"
    WEBM = "webm"
    GIF = "gif"


class Scheduler(StrEnum):
    """The samplers of diffusers that every model here can run."""

    DDIM = "ddim"
    EULER = "euler"
    HEUN = "heun"
    DPMPP = "dpm++"
    LCM = "lcm"


class Stage(StrEnum):
    PREPROCESS = "preprocess"
    GENERATE = "generate"
    INTERPOLATE = "interpolate"
    UPSCALE = "upscale"
    POSTPROCESS = "postprocess"


def plain_text(value: str) -> str:
    """Text that every later part can store and show: no control characters but newline and tab, no lone surrogate."""
    for character in value:
        category = unicodedata.category(character)
        if category == "Cs":
            raise ValueError("must not contain a lone surrogate")
        if category == "Cc" and character not in "\n\t":
            raise ValueError(f"must not contain the control character U+{ord(character):04X}")
    return re.sub(r"\s+", " ", value).strip()


def not_empty(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even: video encoders store colour at half resolution")
    return value


Text = Annotated[str, Field(max_length=MAX_PROMPT_CHARS), AfterValidator(plain_text)]
Side = Annotated[int, Field(ge=64, le=2048, description="pixels, even"), AfterValidator(even)]


class Spec(BaseModel):
    """A request for one video. Its validation is the limit of what the service accepts."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_enum_values=False)

    prompt: Annotated[Text, AfterValidator(not_empty)]
    negative_prompt: Text = ""
    num_inference_steps: Annotated[int, Field(ge=1, le=150)] | None = Field(None, description=MODELS_DEFAULT)
    guidance_scale: Annotated[float, Field(ge=0, le=30)] | None = Field(None, description=MODELS_DEFAULT)
    width: Side = 512
    height: Side = 512
    fps: Annotated[int, Field(ge=8, le=60)] = 24
    duration_seconds: Annotated[float, Field(ge=0.5, le=20)] = 2.0
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = Field(None, description="null: drawn at random")
    model: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] = "tiny"
    scheduler: Scheduler | None = Field(None, description=MODELS_DEFAULT)
    format: Format = Format.MP4

    @property
    def frames(self) -> int:
        """How many frames the finished video has."""
        return round(self.duration_seconds * self.fps)

    @model_validator(mode="after")
    def _possible_together(self) -> Self:
        if self.width * self.height * self.frames > MAX_VIDEO_PIXELS:
            raise ValueError(
                f"width x height x frames is {self.width * self.height * self.frames}, more than {MAX_VIDEO_PIXELS}: "
                "ask for a smaller, shorter or slower video"
            )
        if max(self.width, self.height) > 4 * min(self.width, self.height):
            raise ValueError("the aspect ratio must be between 1:4 and 4:1")
        if self.format is Format.GIF and self.fps > MAX_GIF_FPS:
            raise ValueError(f"a GIF plays at {MAX_GIF_FPS} fps at most")
        return self


class Span(BaseModel):
    """Output frames `start` (included) to `stop` (excluded), interpolated, upscaled and encoded on their own."""

    model_config = ConfigDict(frozen=True)

    index: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class Plan(BaseModel):
    """What a Spec means once every default is chosen: the same Plan gives the same video."""

    model_config = ConfigDict(frozen=True)

    prompt: str
    negative_prompt: str
    seed: int
    model: str
    revision: str
    scheduler: Scheduler
    num_inference_steps: int
    guidance_scale: float
    base_width: int = Field(description="pixels, a multiple of 8; what diffusion draws")
    base_height: int
    base_frames: int
    upscale: int = Field(description="1 (not needed), 2 or 4: the upscaler's factor before the exact resize")
    width: int
    height: int
    fps: int
    frames: int
    format: Format
    warnings: tuple[str, ...] = ()

    @property
    def interpolated(self) -> bool:
        """Whether frames between the base frames are needed."""
        return self.frames != self.base_frames

    @property
    def spans(self) -> tuple[Span, ...]:
        starts = range(0, self.frames, SPAN_FRAMES)
        return tuple(Span(index=i, start=s, stop=min(s + SPAN_FRAMES, self.frames)) for i, s in enumerate(starts))

    @property
    def duration_seconds(self) -> float:
        return self.frames / self.fps

    def positions(self, span: Span) -> list[float]:
        """Where the span's frames lie between the base frames: output frame k of N sits at k (B - 1) / (N - 1)."""
        if self.frames == 1:
            return [0.0]
        return [k * (self.base_frames - 1) / (self.frames - 1) for k in range(span.start, span.stop)]


class StageProgress(BaseModel):
    name: Stage
    status: str = Field("pending", description="pending, running, done or skipped")
    value: float = 0.0
    duration_ms: int | None = None


class Progress(BaseModel):
    """How far a job is. `value` runs from 0 to 1 and never falls within a job."""

    value: float = 0.0
    stage: Stage | None = None
    step: int | None = None
    steps: int | None = None
    message: str = ""
    stages: list[StageProgress] = Field(default_factory=lambda: [StageProgress(name=stage) for stage in Stage])
