"""The request for one video, and the limits of the service."""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MAX_PROMPT_CHARS: Final = 2000
# Width x height x frames. The largest video of the design, 6 s at 24 fps and 2048x2048, has 604 million.
MAX_VIDEO_PIXELS: Final = 640_000_000
MAX_SEED: Final = 2**32 - 1
# GIF delays are in hundredths of a second, and players replace delays below two of them.
MAX_GIF_FPS: Final = 50
MAX_LORAS: Final = 4
MAX_TRAVEL: Final = 20
MAX_SECONDS: Final = 20
# The gateway reads request bodies of up to 64 KiB.
MAX_IMAGE_CHARS: Final = 56_000
# Format characters (zero-width space, joiners, directions), marks, spaces, and what Unicode does not assign.
INVISIBLE_CATEGORIES: Final = frozenset({"Cf", "Cn", "Co", "Cc", "Mn", "Me", "Zs", "Zl", "Zp"})
# Hangul fillers, and the Braille pattern without dots.
BLANK_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
MODELS_DEFAULT: Final = "null: the model's own default"


class Format(StrEnum):
    MP4 = "mp4"
    WEBM = "webm"
    GIF = "gif"


class Scheduler(StrEnum):
    """The samplers of diffusers. `own` is the one that the model was published with."""

    OWN = "own"
    DDIM = "ddim"
    EULER = "euler"
    HEUN = "heun"
    DPMPP = "dpm++"
    LCM = "lcm"


class CameraMotion(StrEnum):
    ZOOM_IN = "zoom-in"
    ZOOM_OUT = "zoom-out"
    PAN_LEFT = "pan-left"
    PAN_RIGHT = "pan-right"
    TILT_UP = "tilt-up"
    TILT_DOWN = "tilt-down"
    ROLL_CLOCKWISE = "roll-clockwise"
    ROLL_ANTICLOCKWISE = "roll-anticlockwise"


class Upscaler(StrEnum):
    """What the upscaler is chosen for. `fast` takes a sixteenth of the time of `quality`; `anime` is for drawings."""

    QUALITY = "quality"
    FAST = "fast"
    ANIME = "anime"


def plain_text(value: str) -> str:
    """Collapse whitespace. Control characters and lone surrogates are rejected: databases or terminals fail on them."""
    for character in value:
        category = unicodedata.category(character)
        if category == "Cs":
            raise ValueError("must not contain a lone surrogate")
        if category == "Cc" and character not in "\n\t":
            raise ValueError(f"must not contain the control character U+{ord(character):04X}")
    return re.sub(r"\s+", " ", value).strip()


def visible(value: str) -> str:
    """Reject a text of spaces, zero-width characters and lone combining marks only."""
    if not value:
        raise ValueError("must not be empty")
    if all(unicodedata.category(c) in INVISIBLE_CATEGORIES or c in BLANK_LETTERS for c in value):
        raise ValueError("must contain visible characters")
    return value


def even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even: video encoders store colour at half resolution")
    return value


Text = Annotated[str, Field(max_length=MAX_PROMPT_CHARS), AfterValidator(plain_text)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
# The number of a frame of the video, or a time in seconds.
Moment = Annotated[str, Field(pattern=r"^(\d{1,4}|\d{1,2}(\.\d{1,3})?s)$")]
Side = Annotated[
    int, Field(ge=64, le=2048, description="pixels, even", json_schema_extra={"multipleOf": 2}), AfterValidator(even)
]


class LoraUse(BaseModel):
    """One LoRA of a request, and how strongly it is applied."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Name
    weight: Annotated[float, Field(ge=-2, le=2)] = 1.0


class VideoFrame(BaseModel):
    """The frame that a video of the account shows at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    video_id: UUID
    at: Annotated[float, Field(ge=0, le=MAX_SECONDS, description="seconds from the start")] = 0.0


class Spec(BaseModel):
    """A request for one video. Its validation defines the limits of the service."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_enum_values=False)

    prompt: Annotated[Text, AfterValidator(visible)]
    negative_prompt: Text = ""
    num_inference_steps: Annotated[int, Field(ge=1, le=150)] | None = Field(None, description=MODELS_DEFAULT)
    guidance_scale: Annotated[float, Field(ge=0, le=30)] | None = Field(None, description=MODELS_DEFAULT)
    width: Side = 512
    height: Side = 512
    fps: Annotated[int, Field(ge=8, le=60)] = 24
    duration_seconds: Annotated[float, Field(ge=0.5, le=MAX_SECONDS)] = 2.0
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = Field(None, description="null: drawn at random")
    model: Name = Field("tiny", description="default: the deployment's MODEL_VARIANT")
    revision: Annotated[str, Field(max_length=400, pattern=r"^[A-Za-z0-9._+-]+$")] | None = Field(
        None, description="the exact revision of the model, as in `resolved`; refused if another one is installed"
    )
    scheduler: Scheduler | None = Field(None, description=MODELS_DEFAULT)
    format: Format = Format.MP4
    style: Name | None = Field(None, description="a name from `GET /api/styles`")
    enhance_prompt: bool = Field(False, description="complete the prompt with words that suit the model")
    loras: Annotated[tuple[LoraUse, ...], Field(max_length=MAX_LORAS)] = ()
    motion: CameraMotion | None = Field(None, description="a camera motion; needs a model that has LoRAs for it")
    prompt_travel: Annotated[dict[Moment, Text], Field(max_length=MAX_TRAVEL)] = Field(
        default_factory=dict,
        description='prompts at frames ("12") or times ("2.5s"); `prompt` applies before the first one',
    )
    loop: bool = Field(False, description="the last frame is followed by the first one without a seam")
    image: Annotated[str, Field(max_length=MAX_IMAGE_CHARS)] | None = Field(
        None, description="the first frame: a PNG, JPEG or WebP file in base64"
    )
    image_from: VideoFrame | None = Field(
        None, description="the first frame: a frame of a video of yours, instead of `image`"
    )
    embed_prompt: bool = Field(
        False, description="write the prompts into the metadata of the file, where everybody who gets it can read them"
    )
    upscaler: Upscaler = Upscaler.QUALITY
    denoise_strength: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="how much grain the fast upscaler removes; null: 0.5"
    )

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

    def seconds_at(self, moment: str) -> float:
        """The time of a key of `prompt_travel` in seconds."""
        return float(moment[:-1]) if moment.endswith("s") else int(moment) / self.fps

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
        if self.image and self.image_from:
            raise ValueError("image and image_from are both the first frame: set one of them")
        if len({lora.name for lora in self.loras}) < len(self.loras):
            raise ValueError("a LoRA can be named once")
        late = [moment for moment in self.prompt_travel if self.seconds_at(moment) >= self.duration_seconds]
        if late:
            raise ValueError(f"prompt_travel: {', '.join(late)} is after the end of the video")
        if self.format is Format.GIF and self.fps > MAX_GIF_FPS:
            raise ValueError(f"a GIF plays at {MAX_GIF_FPS} fps at most")
        return self
