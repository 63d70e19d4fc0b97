"""Dependencies of the job routes."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Response

from api.auth.dependencies import CurrentUser
from api.dependencies import Gateway, GatewayDep, Transaction
from api.problems import NotFound
from api.rate_limits import take_in_transaction
from db.jobs import queries as jobs
from db.jobs.positions import queue_position
from db.jobs.queries import Enqueued
from db.jobs.quotas import Quotas
from db.rate_limits import Bucket
from db.tables import Job, Status

IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,255}$", description="repeating a request with the same key returns the existing job"
    ),
]


async def get_own_job(session: Transaction, user: CurrentUser, job_id: UUID) -> Job:
    """The job named in the path. NotFound both if it does not exist and if another user owns it."""
    job = await jobs.get(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return job


OwnJob = Annotated[Job, Depends(get_own_job)]


async def get_quotas(session: Transaction, gateway: GatewayDep, user: CurrentUser) -> Quotas:
    """The quotas of a submission, which counts against the rate limit: queue and cancel in a loop is bounded, too."""
    settings = gateway.settings
    await take_in_transaction(
        session, Bucket("submissions of this account", str(user.id), settings.submissions_per_minute)
    )
    return Quotas(queued_per_user=settings.queued_per_user, seconds_per_day=settings.seconds_per_day)


QuotasDep = Annotated[Quotas, Depends(get_quotas)]


async def read_position(gateway: Gateway, job: Job) -> int | None:
    """The job's place in the queue, read only if it is queued."""
    if job.status != Status.QUEUED:
        return None
    async with gateway.sessions() as session:
        return await queue_position(session, job)


def set_submit_headers(response: Response, submitted: Enqueued) -> None:
    response.headers["Location"] = f"/api/status/{submitted.job.id}"
    if submitted.replayed:
        response.headers["Idempotency-Replayed"] = "true"
