"""What came out of a job."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header
from fastapi.responses import RedirectResponse
from pydantic import AwareDatetime, BaseModel

from api.edge import Me, Parts, Transaction
from api.jobs import owned
from api.problems import JobCanceled, JobFailed, NotReady, ResultGone, documented
from db import jobs
from db.models import Artifact, Job, Status
from db.storage import Storage

LINK_SECONDS = 3600

router = APIRouter(prefix="/api", tags=["jobs"])


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
    """`url` is the video; it and the outputs' links work without a token until `expires_at`."""

    url: str
    expires_at: AwareDatetime
    outputs: list[OutputView]
    resolved: dict[str, Any]
    warnings: list[str]


def filename(job: Job, artifact: Artifact) -> str:
    return f"auraanim-{job.id}-{artifact.kind}.{artifact.key.rpartition('.')[2]}"


def output(job: Job, artifact: Artifact, storage: Storage) -> OutputView:
    url = storage.url(artifact.key, expires_seconds=LINK_SECONDS, filename=filename(job, artifact))
    fields = {name: getattr(artifact, name) for name in OutputView.model_fields if name != "url"}
    return OutputView(url=url, **fields)


def result(job: Job, artifacts: list[Artifact], storage: Storage) -> ResultView:
    """The signed links of a succeeded job."""
    expires_at = datetime.fromtimestamp(int(time.time()) + LINK_SECONDS, UTC)
    outputs = [output(job, artifact, storage) for artifact in artifacts]
    video = next((o for o in outputs if o.kind == "video"), None)
    if video is None:
        raise ResultGone
    return ResultView(
        url=video.url, expires_at=expires_at, outputs=outputs, resolved=job.resolved or {}, warnings=job.warnings
    )


def ensure_finished(job: Job) -> None:
    if job.status == Status.FAILED:
        raise JobFailed((job.error or {}).get("message", ""), error=job.error)
    if job.status == Status.CANCELED:
        raise JobCanceled
    if job.status != Status.SUCCEEDED:
        raise NotReady(retry_after=min(60, max(1, job.eta_seconds or 2)))


@router.get(
    "/result/{job_id}",
    response_model=ResultView,
    responses=documented(401, 404, 409, 410, _307="to the bytes of the video, unless JSON is accepted"),
)
async def get_result(
    session: Transaction, parts: Parts, user: Me, job_id: UUID, accept: Annotated[str, Header()] = "*/*"
) -> ResultView | RedirectResponse:
    ensure_finished(job := await owned(session, user, job_id))
    found = result(job, await jobs.artifacts(session, job.id, owner_id=user.id), parts.storage)
    return found if "application/json" in accept.lower() else RedirectResponse(found.url, 307)
