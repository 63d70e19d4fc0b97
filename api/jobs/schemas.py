"""Response models of the job routes, and the functions that make them from rows."""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, WithJsonSchema

from api.problems import ResultGone
from db.jobs.queries import Page
from db.storage.base import Storage
from db.tables import TERMINAL, Artifact, Job, ShownStatus, Status
from pipeline.contract.progress import Progress

PREVIEW_LINK_SECONDS = 600
RESULT_LINK_SECONDS = 3600
# A page of long prompts ends here, with `has_more`, because unread responses wait in the gateway's memory.
MAX_PAGE_BYTES = 256 * 1024

# Inline schemas instead of references to Status, whose docstring is about the database.
StatusFilter = Annotated[Status, WithJsonSchema({"type": "string", "enum": [*Status]})]
ViewStatus = Annotated[ShownStatus, WithJsonSchema({"type": "string", "enum": [*Status, "canceling"]})]


class JobError(BaseModel):
    code: str
    message: str
    stage: str | None = None


class JobView(BaseModel):
    """A job as its owner sees it. `revision` increases with each change."""

    job_id: UUID
    status: ViewStatus
    progress: Progress
    eta_seconds: float | None
    queue_position: int | None
    attempt: int
    revision: int
    error: JobError | None
    warnings: list[str]
    resolved: dict[str, Any] | None
    spec: dict[str, Any]
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    trashed_at: AwareDatetime | None
    preview_url: str | None
    retried_from: UUID | None
    video_id: UUID | None = Field(description="the video that the job made")
    links: dict[str, str]


class JobList(BaseModel):
    data: list[JobView]
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


def job_links(job_id: UUID) -> dict[str, str]:
    return {
        "status": f"/api/status/{job_id}",
        "result": f"/api/result/{job_id}",
        "cancel": f"/api/jobs/{job_id}/cancel",
        "retry": f"/api/jobs/{job_id}/retry",
        "events": f"/api/jobs/{job_id}/events",
    }


def preview_url(job: Job, storage: Storage) -> str | None:
    if job.preview_key is None or job.status in TERMINAL:
        return None
    return storage.url(job.preview_key, expires_seconds=PREVIEW_LINK_SECONDS)


def job_view(job: Job, storage: Storage, queue_position: int | None = None) -> JobView:
    computed = {
        "job_id": job.id,
        "status": job.shown_status,
        "queue_position": queue_position,
        "preview_url": preview_url(job, storage),
        "links": job_links(job.id),
    }
    columns = {name: getattr(job, name) for name in JobView.model_fields.keys() - computed.keys()}
    return JobView.model_validate(computed | columns)


def job_views(
    jobs: Iterable[Job], storage: Storage, queue_positions: Mapping[UUID, int], *, max_bytes: int
) -> list[JobView]:
    """The first job, and as many of the next as fit into `max_bytes` of JSON."""
    views: list[JobView] = []
    size = 0
    for job in jobs:
        view = job_view(job, storage, queue_positions.get(job.id))
        size += len(view.model_dump_json().encode())
        if views and size > max_bytes:
            break
        views.append(view)
    return views


def job_list(page: Page, storage: Storage, queue_positions: Mapping[UUID, int]) -> JobList:
    data = job_views(page.data, storage, queue_positions, max_bytes=MAX_PAGE_BYTES)
    first_id, last_id = (data[0].job_id, data[-1].job_id) if data else (None, None)
    has_more = page.has_more or len(data) < len(page.data)
    return JobList(data=data, first_id=first_id, last_id=last_id, has_more=has_more)


class OutputView(BaseModel):
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


class ResultView(BaseModel):
    """`url` is the link to the video. All links work without a token until `expires_at`."""

    url: str
    expires_at: AwareDatetime
    outputs: list[OutputView]
    resolved: dict[str, Any]
    warnings: list[str]


class JobAccepted(BaseModel):
    """A submitted job. `error` and `result` are set only if the request waited for the end of the job."""

    job_id: UUID
    status: ViewStatus
    created_at: AwareDatetime
    queue_position: int | None
    warnings: list[str]
    links: dict[str, str]
    error: JobError | None = None
    result: ResultView | None = None


def job_accepted(job: Job, queue_position: int | None) -> JobAccepted:
    return JobAccepted.model_validate(
        {
            "job_id": job.id,
            "status": job.shown_status,
            "created_at": job.created_at,
            "queue_position": queue_position,
            "warnings": job.warnings,
            "links": job_links(job.id),
        }
    )


def output_view(job: Job, artifact: Artifact, storage: Storage) -> OutputView:
    filename = f"auraanim-{job.id}-{artifact.kind}.{artifact.key.rpartition('.')[2]}"
    url = storage.url(artifact.key, expires_seconds=RESULT_LINK_SECONDS, filename=filename)
    fields = {name: getattr(artifact, name) for name in OutputView.model_fields if name != "url"}
    return OutputView(url=url, **fields)


def result_view(job: Job, artifacts: list[Artifact], storage: Storage) -> ResultView:
    """The result of a succeeded job, with newly signed links."""
    expires_at = datetime.fromtimestamp(int(time.time()) + RESULT_LINK_SECONDS, UTC)
    outputs = [output_view(job, artifact, storage) for artifact in artifacts]
    video = next((output for output in outputs if output.kind == "video"), None)
    if video is None:
        raise ResultGone
    return ResultView(
        url=video.url, expires_at=expires_at, outputs=outputs, resolved=job.resolved or {}, warnings=job.warnings
    )
