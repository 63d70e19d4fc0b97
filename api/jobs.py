"""A user's jobs: how far one is, all of them, stop one, try one again."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import AwareDatetime, BaseModel

from api.edge import Gateway, Me, Parts, Transaction
from api.problems import NotFound, documented
from db import jobs, trash
from db.jobs import Enqueued, Limits
from db.models import TERMINAL, Job
from db.storage import Storage
from pipeline.spec import Progress

PREVIEW_LINK_SECONDS = 600

IdempotencyKey = Annotated[
    str | None,
    Header(pattern=r"^[\x21-\x7e]{1,255}$", description="the same key and request answer with the same job, once made"),
]

router = APIRouter(prefix="/api", tags=["jobs"])


class JobError(BaseModel):
    code: str
    message: str
    stage: str | None = None


class JobView(BaseModel):
    """A job as its owner sees it. `revision` rises with each change."""

    job_id: UUID
    status: Literal["queued", "running", "canceling", "succeeded", "failed", "canceled"]
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
    links: dict[str, str]


class JobList(BaseModel):
    data: list[JobView]
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


def links(job_id: UUID) -> dict[str, str]:
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


def view(job: Job, storage: Storage, queue_position: int | None = None) -> JobView:
    own = {
        "job_id": job.id,
        "status": job.shown_status,
        "queue_position": queue_position,
        "preview_url": preview_url(job, storage),
        "links": links(job.id),
    }
    same = {name: getattr(job, name) for name in JobView.model_fields.keys() - own.keys()}
    return JobView.model_validate(own | same)


def limits(parts: Gateway) -> Limits:
    return Limits(queued_per_user=parts.settings.QUEUED_PER_USER, seconds_per_day=parts.settings.SECONDS_PER_DAY)


def announce(queued: Enqueued, response: Response) -> None:
    response.headers["Location"] = f"/api/status/{queued.job.id}"
    if queued.replayed:
        response.headers["Idempotency-Replayed"] = "true"


async def owned(session: Transaction, user: Me, job_id: UUID) -> Job:
    """The job of this address, when it is the caller's own; otherwise nobody learns whether it exists."""
    job = await jobs.get(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return job


@router.get("/status/{job_id}", responses=documented(401, 404))
async def status(session: Transaction, parts: Parts, user: Me, job_id: UUID) -> JobView:
    job = await owned(session, user, job_id)
    return view(job, parts.storage, await jobs.queue_position(session, job))


@router.get("/jobs", responses=documented(401, 422))
async def list_jobs(
    session: Transaction,
    parts: Parts,
    user: Me,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[UUID | None, Query(description="the last_id of the page before")] = None,
    order: Literal["asc", "desc"] = "desc",
    status: Literal["queued", "running", "succeeded", "failed", "canceled"] | None = None,
    trashed: Annotated[bool, Query(description="those in the trash instead of the others")] = False,
) -> JobList:
    page = await jobs.page(
        session, owner_id=user.id, limit=limit, after=after, order=order, status=status, trashed=trashed
    )
    positions = (await jobs.queue_positions(session, [user.id]))[user.id]
    data = [view(job, parts.storage, positions.get(job.id)) for job in page.data]
    first, last = (data[0].job_id, data[-1].job_id) if data else (None, None)
    return JobList(data=data, first_id=first, last_id=last, has_more=page.has_more)


@router.post("/jobs/{job_id}/cancel", status_code=202, responses=documented(401, 404))
async def cancel(session: Transaction, parts: Parts, user: Me, job_id: UUID) -> JobView:
    """A waiting job is canceled at once, a running one within a denoising step; a finished one stays as it is."""
    job = await jobs.request_cancel(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return view(job, parts.storage)


@router.delete("/jobs/{job_id}", responses=documented(401, 404, 409))
async def throw_away(session: Transaction, parts: Parts, user: Me, job_id: UUID) -> JobView:
    """Into the trash, where it can be restored for thirty days; what waits or runs must be canceled first."""
    job = await trash.throw_away(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return view(job, parts.storage)


@router.post("/jobs/{job_id}/restore", responses=documented(401, 404))
async def restore(session: Transaction, parts: Parts, user: Me, job_id: UUID) -> JobView:
    """Out of the trash; a job that is not in it stays as it is."""
    job = await trash.restore(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return view(job, parts.storage)


@router.post("/jobs/{job_id}/retry", status_code=201, responses=documented(401, 404, 409, 422, 429))
async def retry(
    session: Transaction,
    parts: Parts,
    user: Me,
    response: Response,
    job_id: UUID,
    idempotency_key: IdempotencyKey = None,
) -> JobView:
    """A new job with the same spec; it resumes after `generate` when that had succeeded."""
    request_hash = f"retry {job_id}" if idempotency_key else None
    again = await jobs.retry(
        session,
        job_id,
        owner_id=user.id,
        limits=limits(parts),
        idempotency_key=idempotency_key,
        request_hash=request_hash,
    )
    if again is None:
        raise NotFound
    announce(again, response)
    return view(again.job, parts.storage, await jobs.queue_position(session, again.job))
