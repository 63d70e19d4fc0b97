"""What the gateway responds with. Fields that a newer gateway adds are kept."""

from typing import Any, Final, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

TERMINAL_STATES: Final = ("succeeded", "failed", "canceled")


class Response(BaseModel):
    model_config = ConfigDict(extra="allow")

    def json_fields(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class StageProgress(Response):
    name: str
    status: str = "pending"
    value: float = 0.0
    duration_ms: int | None = None


class Progress(Response):
    value: float = 0.0
    stage: str | None = None
    step: int | None = None
    steps: int | None = None
    message: str = ""
    stages: list[StageProgress] = Field(default_factory=list)


class JobFailure(Response):
    code: str
    message: str
    stage: str | None = None


class Job(Response):
    """`GET /api/status/{job_id}`. A job that was just submitted has the first fields only."""

    job_id: str
    status: str
    created_at: AwareDatetime | None = None
    queue_position: int | None = None
    warnings: list[str] = Field(default_factory=list)
    progress: Progress = Field(default_factory=Progress)
    eta_seconds: float | None = None
    attempt: int = 0
    revision: int = 0
    error: JobFailure | None = None
    resolved: dict[str, Any] | None = None
    spec: dict[str, Any] = Field(default_factory=dict)
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    trashed_at: AwareDatetime | None = None
    preview_url: str | None = None
    retried_from: str | None = None
    video_id: str | None = None

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL_STATES

    def changed(self, revision: int, data: dict[str, Any]) -> "Job":
        """The job after an event."""
        return Job.model_validate(self.json_fields() | data | {"revision": revision})


class Output(Response):
    """One file of a finished job. `duration` is in seconds."""

    kind: str
    url: str
    content_type: str
    width: int
    height: int
    fps: float
    frames: int
    duration: float
    size_bytes: int
    sha256: str


class Result(Response):
    url: str
    expires_at: AwareDatetime
    outputs: list[Output]
    resolved: dict[str, Any]
    warnings: list[str]

    @property
    def video(self) -> Output:
        return next(output for output in self.outputs if output.kind == "video")


class Media(Response):
    """A file. `url` works without a credential until `expires_at`."""

    url: str
    content_type: str
    width: int
    height: int
    fps: float
    frames: int
    duration_seconds: float
    size_bytes: int
    expires_at: AwareDatetime


class Video(Response):
    """`GET /api/videos/{id}`. `video` is None after a rejection by a moderator."""

    id: str
    job_id: str | None
    title: str
    prompt: str
    tags: list[str]
    favourite: bool
    visibility: str
    format: str
    created_at: AwareDatetime
    trashed_at: AwareDatetime | None
    finishable: bool
    finished_from: str | None
    video: Media | None
    poster: Media | None
    preview: Media | None
    resolved: dict[str, Any]


class Share(Response):
    """A link to a video, without its address."""

    id: str
    video_id: str
    has_password: bool
    show_prompt: bool
    views: int
    created_at: AwareDatetime
    expires_at: AwareDatetime | None


class NewShare(Share):
    token: str
    url: str


class ApiKey(Response):
    id: str
    name: str
    prefix: str
    scopes: list[str]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None


class NewApiKey(ApiKey):
    """`key` is shown once."""

    key: str


T = TypeVar("T", bound=Response)


class Page(Response, Generic[T]):
    """One page of a list. The next one begins after `last_id`."""

    data: list[T]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False
