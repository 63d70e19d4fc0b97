"""Bodies of the routes under /v1, in the shape of OpenAI's Videos API."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from api.jobs.schemas import MAX_PAGE_BYTES
from db.jobs.queries import Page
from db.tables import TERMINAL, Job, Status
from pipeline.contract.catalog import Model
from pipeline.contract.spec import Spec

# The states of a job in the words of OpenAI; a canceled job is one that failed.
STATUSES: Mapping[str, Literal["queued", "in_progress", "completed", "failed"]] = {
    Status.QUEUED: "queued",
    Status.RUNNING: "in_progress",
    Status.SUCCEEDED: "completed",
    Status.FAILED: "failed",
    Status.CANCELED: "failed",
}
# Milliseconds between two polls: half of the estimate, within these limits.
MIN_POLL_MS = 500
MAX_POLL_MS = 10_000
DEFAULT_POLL_MS = 1000


class VideoError(BaseModel):
    code: str
    message: str


class VideoObject(BaseModel):
    """A job in the shape of OpenAI's video. Times are in seconds since 1970."""

    id: str
    object: Literal["video"] = "video"
    model: str
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: int = Field(description="0 to 100")
    created_at: int
    completed_at: int | None
    expires_at: int | None = Field(None, description="always null: a video is kept until it is deleted")
    prompt: str
    seconds: str
    size: str = Field(description="width x height", examples=["512x512"])
    remixed_from_video_id: str | None
    error: VideoError | None


class VideoPage(BaseModel):
    object: Literal["list"] = "list"
    data: list[VideoObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedVideo(BaseModel):
    id: str
    object: Literal["video.deleted"] = "video.deleted"
    deleted: bool = True


class ModelObject(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str


class ModelPage(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelObject]


def video_object(job: Job, remixed_from: UUID | None = None) -> VideoObject:
    spec = Spec.from_row(job.spec)
    done = job.status == Status.SUCCEEDED
    return VideoObject(
        id=str(job.id),
        model=spec.model,
        status=STATUSES[job.status],
        progress=100 if done else int(100 * float(job.progress.get("value", 0))),
        created_at=int(job.created_at.timestamp()),
        completed_at=int(job.finished_at.timestamp()) if done and job.finished_at else None,
        prompt=spec.prompt,
        seconds=f"{spec.duration_seconds:g}",
        size=f"{spec.width}x{spec.height}",
        remixed_from_video_id=str(remixed_from) if remixed_from else None,
        error=video_error(job),
    )


def video_error(job: Job) -> VideoError | None:
    if job.status == Status.CANCELED:
        return VideoError(code="canceled", message="The job was canceled.")
    return VideoError(code=job.error["code"], message=job.error["message"]) if job.error else None


def video_page(page: Page, sources: Mapping[UUID, UUID]) -> VideoPage:
    """A page of long prompts ends early, with `has_more`, because unread responses wait in the gateway's memory."""
    data: list[VideoObject] = []
    size = 0
    for job in page.data:
        one = video_object(job, sources.get(job.id))
        size += len(one.model_dump_json().encode())
        if data and size > MAX_PAGE_BYTES:
            break
        data.append(one)
    first_id, last_id = (data[0].id, data[-1].id) if data else (None, None)
    has_more = page.has_more or len(data) < len(page.data)
    return VideoPage(data=data, first_id=first_id, last_id=last_id, has_more=has_more)


def model_object(model: Model) -> ModelObject:
    return ModelObject(id=model.name, owned_by=model.family)


def poll_headers(job: Job) -> dict[str, str]:
    """When the client should poll again; the official SDK reads it."""
    if job.status in TERMINAL:
        return {}
    milliseconds = DEFAULT_POLL_MS if job.eta_seconds is None else int(job.eta_seconds * 500)
    return {"openai-poll-after-ms": str(min(MAX_POLL_MS, max(MIN_POLL_MS, milliseconds)))}
