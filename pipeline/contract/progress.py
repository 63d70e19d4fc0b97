"""The progress of a job, as the database stores it and clients receive it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field, field_validator


class Stage(StrEnum):
    PREPROCESS = "preprocess"
    GENERATE = "generate"
    INTERPOLATE = "interpolate"
    UPSCALE = "upscale"
    POSTPROCESS = "postprocess"


class StageProgress(BaseModel):
    name: Stage
    status: str = Field("pending", description="pending, running, done or skipped")
    value: float = 0.0
    duration_ms: int | None = None


class Progress(BaseModel):
    """The progress of a job. `value` runs from 0 to 1 and never decreases within a job.

    Unknown fields and stages are ignored, so the progress written by a newer dispatcher can be read.
    """

    value: float = 0.0
    stage: Stage | None = None
    step: int | None = None
    steps: int | None = None
    message: str = ""
    stages: list[StageProgress] = Field(default_factory=lambda: [StageProgress(name=stage) for stage in Stage])

    @field_validator("stage", mode="before")
    @classmethod
    def _without_unknown_stage(cls, value: Any) -> Any:
        return value if value in list(Stage) else None

    @field_validator("stages", mode="before")
    @classmethod
    def _without_unknown_stages(cls, value: Any) -> Any:
        return [one for one in value if not isinstance(one, Mapping) or one.get("name") in list(Stage)]
