"""A Spec resolved to numbers of frames, sizes and model settings."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from pipeline.contract.spec import Format, Scheduler

SPAN_FRAMES: Final = 16


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
    upscale: int = Field(description="factor of the upscaler before the exact resize: 1 (skipped), 2 or 4")
    width: int
    height: int
    fps: int
    frames: int
    format: Format
    warnings: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by field names, so that processes of different versions can exchange a Plan."""
        return type(self).model_validate, (self.model_dump(),)

    @property
    def interpolated(self) -> bool:
        """Whether the interpolator is needed."""
        return self.frames != self.base_frames

    @property
    def spans(self) -> tuple[Span, ...]:
        starts = range(0, self.frames, SPAN_FRAMES)
        return tuple(Span(index=i, start=s, stop=min(s + SPAN_FRAMES, self.frames)) for i, s in enumerate(starts))

    @property
    def duration_seconds(self) -> float:
        return self.frames / self.fps

    def positions(self, span: Span) -> list[float]:
        """The positions of the span's frames in the base clip: output frame k of N is at k (B - 1) / (N - 1)."""
        if self.frames == 1:
            return [0.0]
        return [k * (self.base_frames - 1) / (self.frames - 1) for k in range(span.start, span.stop)]
