"""Dependencies of the job routes."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Response

from api.auth.api_keys import PresentedKey
from api.auth.dependencies import AuthDep, JobsReader, JobsReaderCredential, JobsWriter
from api.dependencies import Gateway, GatewayDep, Transaction
from api.problems import NotFound, Unauthenticated
from api.rate_limits import take_in_transaction
from db.jobs import queries as jobs
from db.jobs import status as job_status
from db.jobs.positions import queue_position
from db.jobs.queries import Enqueued
from db.jobs.quotas import Quotas
from db.rate_limits import Bucket
from db.tables import Job, Scope, Status

IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,255}$", description="repeating a request with the same key returns the existing job"
    ),
]


async def get_own_job(session: Transaction, user: JobsReader, job_id: UUID) -> Job:
    """The job named in the path. NotFound both if it does not exist and if another user owns it."""
    job = await jobs.get(session, job_id, owner_id=user.id)
    if job is None:
        raise NotFound
    return job


OwnJob = Annotated[Job, Depends(get_own_job)]


async def get_polled_job(gateway: GatewayDep, auth: AuthDep, credential: JobsReaderCredential, job_id: UUID) -> Job:
    """As `get_own_job`, but without a transaction: one statement reads the session or the key, and the job."""
    if isinstance(credential, PresentedKey):
        key, job = await job_status.read_by_key(gateway.direct, job_id, key_hash=credential.key_hash)
        if key is None:
            raise auth.api_keys.refuse(credential)
        auth.api_keys.admit(credential, key, [Scope.JOBS_READ])
    else:
        user_id, session_id = credential.user_id, credential.session_id
        signed_in, job = await job_status.read(gateway.direct, job_id, user_id=user_id, session_id=session_id)
        if not signed_in:
            raise Unauthenticated("the session has ended")
    if job is None:
        raise NotFound
    return job


PolledJob = Annotated[Job, Depends(get_polled_job)]


async def get_quotas(session: Transaction, gateway: GatewayDep, user: JobsWriter) -> Quotas:
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
