"""Submit a prompt: `POST /api/generate`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.auth.dependencies import JobsWriterIdentity
from api.dependencies import Transaction
from api.generate.first_frame import require_frame
from api.generate.waiting import WaitDep, WaitingResponse
from api.jobs.dependencies import IdempotencyKey, QuotasDep, set_submit_headers
from api.jobs.schemas import JobAccepted, job_accepted
from api.jobs.specs import spec_hash, strict_spec
from api.problems import documented
from db.errors import IdempotencyKeyReuse, QueueFull, QuotaExceeded, VideoModerated
from db.jobs import positions
from db.jobs import queries as jobs
from pipeline.contract.spec import Spec

REFUSALS = (IdempotencyKeyReuse, QueueFull, QuotaExceeded, VideoModerated)

router = APIRouter(prefix="/api", tags=["jobs"])


@router.post(
    "/generate",
    status_code=201,
    response_model=JobAccepted,
    responses=documented(400, 401, 404, 413, 415, 422, 429, *REFUSALS),
)
async def generate(
    session: Transaction,
    quotas: QuotasDep,
    caller: JobsWriterIdentity,
    response: Response,
    spec: Annotated[Spec, Depends(strict_spec)],
    wait: WaitDep,
    idempotency_key: IdempotencyKey = None,
) -> JobAccepted | Response:
    """Queue one video. With an `Idempotency-Key` the request can be retried safely.

    With `Prefer: wait=N` the answer is sent once the job is terminal, with its `result` or `error`, or after N seconds.
    """
    submitted = await jobs.enqueue(
        session,
        owner_id=caller.user.id,
        spec=spec.model_dump(mode="json"),
        seconds=spec.duration_seconds,
        idempotency_key=idempotency_key,
        request_hash=spec_hash(spec) if idempotency_key else None,
        quotas=quotas,
    )
    if spec.image_from and not submitted.replayed:
        await require_frame(session, caller, spec.image_from)
    set_submit_headers(response, submitted)
    accepted = job_accepted(submitted.job, await positions.queue_position(session, submitted.job))
    return WaitingResponse(wait, submitted.job, accepted, dict(response.headers)) if wait else accepted
