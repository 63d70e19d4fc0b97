"""The jobs of a user: status, list, cancel, retry, trash."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.auth.dependencies import Caller, CurrentUser
from api.dependencies import GatewayDep, Transaction
from api.jobs.dependencies import IdempotencyKey, QuotasDep, read_position, set_submit_headers
from api.jobs.schemas import JobList, JobView, StatusFilter, job_list, job_view
from api.problems import NotFound, Unauthenticated, documented
from db.jobs import positions, trash
from db.jobs import queries as jobs
from db.jobs import status as job_status

router = APIRouter(prefix="/api", tags=["jobs"])


@router.get("/status/{job_id}", response_model=JobView, responses=documented(401, 404))
async def status(gateway: GatewayDep, access: Caller, job_id: UUID) -> Response:
    """One statement, and no transaction unless the job is queued: clients without events poll this route."""
    found = await job_status.read(gateway.direct, job_id, user_id=access.user_id, session_id=access.session_id)
    if not found.signed_in:
        raise Unauthenticated("the session has ended")
    if found.job is None:
        raise NotFound
    view = job_view(found.job, gateway.storage, await read_position(gateway, found.job))
    return Response(view.model_dump_json(), media_type="application/json")


@router.get("/jobs", responses=documented(401, 422))
async def list_jobs(
    session: Transaction,
    gateway: GatewayDep,
    user: CurrentUser,
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
async def cancel(session: Transaction, gateway: GatewayDep, user: CurrentUser, job_id: UUID) -> JobView:
    """Cancel a job: immediately if queued, within a denoising step if running. A terminal job is returned unchanged."""
    job = await jobs.request_cancel(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return job_view(job, gateway.storage)


@router.delete("/jobs/{job_id}", responses=documented(401, 404, 409))
async def move_to_trash(session: Transaction, gateway: GatewayDep, user: CurrentUser, job_id: UUID) -> JobView:
    """Move a terminal job to the trash. It can be restored for 30 days."""
    job = await trash.move_to_trash(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return job_view(job, gateway.storage)


@router.post("/jobs/{job_id}/restore", responses=documented(401, 404))
async def restore(session: Transaction, gateway: GatewayDep, user: CurrentUser, job_id: UUID) -> JobView:
    """Restore a job from the trash. A job that is not in the trash is returned unchanged."""
    job = await trash.restore(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return job_view(job, gateway.storage)


@router.post("/jobs/{job_id}/retry", status_code=201, responses=documented(401, 404, 409, 422, 429))
async def retry(
    session: Transaction,
    gateway: GatewayDep,
    quotas: QuotasDep,
    user: CurrentUser,
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
