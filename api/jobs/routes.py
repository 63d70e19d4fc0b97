"""The jobs of a user: status, list, cancel, retry, trash."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.auth.dependencies import JobsReader, JobsWriter
from api.dependencies import GatewayDep, Transaction
from api.jobs.dependencies import IdempotencyKey, PolledJob, QuotasDep, read_position, set_submit_headers
from api.jobs.etags import IfNoneMatch, job_etag, matches
from api.jobs.schemas import JobList, JobView, StatusFilter, job_list, job_view
from api.problems import NotFound, documented
from db.errors import IdempotencyKeyReuse, NotEnded, NotRetryable, QueueFull, QuotaExceeded
from db.jobs import positions, trash
from db.jobs import queries as jobs

RETRY_PROBLEMS = documented(401, 404, 422, 429, NotRetryable, IdempotencyKeyReuse, QueueFull, QuotaExceeded)

router = APIRouter(prefix="/api", tags=["jobs"])


@router.get(
    "/status/{job_id}",
    response_model=JobView,
    responses=documented(401, 404, _304="the job has not changed since the ETag was sent"),
)
async def status(gateway: GatewayDep, job: PolledJob, if_none_match: IfNoneMatch = "") -> Response:
    """One statement, and no transaction unless the job is queued: clients without events poll this route.

    The response has an ETag; sent back as `If-None-Match`, it makes a poll without a change a 304 without a body.
    """
    position = await read_position(gateway, job)
    headers = {"ETag": job_etag(job, position)}
    if matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    view = job_view(job, gateway.storage, position)
    return Response(view.model_dump_json(), media_type="application/json", headers=headers)


@router.get("/jobs", responses=documented(401, 422))
async def list_jobs(
    session: Transaction,
    gateway: GatewayDep,
    user: JobsReader,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[UUID | None, Query(description="the last_id of the previous page")] = None,
    order: Literal["asc", "desc"] = "desc",
    status: StatusFilter | None = None,
    trashed: Annotated[bool, Query(description="list the jobs in the trash")] = False,
) -> JobList:
    page = await jobs.page(
        session, owner_id=user.id, limit=limit, after=after, order=order, status=status, trashed=trashed
    )
    places = await positions.queue_positions(session, [user.id])
    return job_list(page, gateway.storage, places[user.id])


@router.post("/jobs/{job_id}/cancel", status_code=202, responses=documented(401, 404))
async def cancel(session: Transaction, gateway: GatewayDep, user: JobsWriter, job_id: UUID) -> JobView:
    """Cancel a job: immediately if queued, within a denoising step if running. A terminal job is returned unchanged."""
    job = await jobs.request_cancel(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return job_view(job, gateway.storage)


@router.delete("/jobs/{job_id}", responses=documented(401, 404, NotEnded))
async def move_to_trash(session: Transaction, gateway: GatewayDep, user: JobsWriter, job_id: UUID) -> JobView:
    """Move a terminal job to the trash. It can be restored for 30 days."""
    job = await trash.move_to_trash(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return job_view(job, gateway.storage)


@router.post("/jobs/{job_id}/restore", responses=documented(401, 404))
async def restore(session: Transaction, gateway: GatewayDep, user: JobsWriter, job_id: UUID) -> JobView:
    """Restore a job from the trash. A job that is not in the trash is returned unchanged."""
    job = await trash.restore(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return job_view(job, gateway.storage)


@router.post("/jobs/{job_id}/retry", status_code=201, responses=RETRY_PROBLEMS)
async def retry(
    session: Transaction,
    gateway: GatewayDep,
    quotas: QuotasDep,
    user: JobsWriter,
    response: Response,
    job_id: UUID,
    idempotency_key: IdempotencyKey = None,
) -> JobView:
    """Submit a failed or canceled job again. The new job resumes after `generate` if a base clip was kept."""
    submitted = await jobs.retry(
        session,
        job_id,
        owner_id=user.id,
        quotas=quotas,
        idempotency_key=idempotency_key,
        request_hash=f"retry {job_id}" if idempotency_key else None,
    )
    if submitted is None:
        raise NotFound
    set_submit_headers(response, submitted)
    return job_view(submitted.job, gateway.storage, await positions.queue_position(session, submitted.job))
