"""The request for one video, and the limits of the service."""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MAX_PROMPT_CHARS: Final = 2000
# Width x height x frames. The largest video of the design, 6 s at 24 fps and 2048x2048, has 604 million.
MAX_VIDEO_PIXELS: Final = 640_000_000
MAX_SEED: Final = 2**32 - 1
# GIF delays are in hundredths of a second, and players replace delays below two of them.
MAX_GIF_FPS: Final = 50
MODELS_DEFAULT: Final = "null: the model's own default"


class Format(StrEnum):
    MP4 = "mp4"
    WEBM = "webm"
    GIF = "gif"


class Scheduler(StrEnum):
    """The diffusers schedulers that every model supports."""

    DDIM = "ddim"
    EULER = "euler"
    HEUN = "heun"
    DPMPP = "dpm++"
    LCM = "lcm"


def plain_text(value: str) -> str:
    """Collapse whitespace. Control characters and lone surrogates are rejected: databases or terminals fail on them."""
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
    """A request for one video. Its validation defines the limits of the service."""

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

    @classmethod
    def from_row(cls, values: Mapping[str, Any]) -> Self:
        """Validate a stored Spec. Unknown fields are ignored: during a rolling upgrade, a newer gateway adds them."""
        return cls.model_validate({name: value for name, value in values.items() if name in cls.model_fields})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by field names, so that processes of different versions can exchange a Spec."""
        return type(self).from_row, (self.model_dump(),)

    @property
    def frames(self) -> int:
        """The number of frames of the video."""
        return round(self.duration_seconds * self.fps)

    @model_validator(mode="after")
    def _possible_together(self) -> Self:
        pixels = self.width * self.height * self.frames
        if pixels > MAX_VIDEO_PIXELS:
            raise ValueError(
                f"width x height x frames is {pixels}, more than {MAX_VIDEO_PIXELS}: "
                "request a smaller, shorter or slower video"
            )
        if max(self.width, self.height) > 4 * min(self.width, self.height):
            raise ValueError("the aspect ratio must be between 1:4 and 4:1")
        if self.format is Format.GIF and self.fps > MAX_GIF_FPS:
            raise ValueError(f"a GIF plays at {MAX_GIF_FPS} fps at most")
        return self
