"""Dependencies of the routes under /v1."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from api.auth.dependencies import JobsReader, JobsWriter
from api.dependencies import GatewayDep, Transaction
from api.jobs.dependencies import IdempotencyKey, QuotasDep
from api.jobs.results import require_succeeded
from api.jobs.specs import spec_hash
from api.openai.requests import checked_spec, remix_prompt, video_spec
from api.problems import NotFound
from db.jobs import queries as jobs
from db.jobs import remixes
from db.jobs.queries import Enqueued
from db.tables import Job
from pipeline.contract.spec import Spec


async def get_video(session: Transaction, user: JobsReader, video_id: UUID) -> Job:
    """The job named in the path. NotFound if another user owns it, and if it was deleted."""
    return await _existing(session, user.id, video_id)


async def get_own_video(session: Transaction, user: JobsWriter, video_id: UUID) -> Job:
    """As `get_video`, for changes."""
    return await _existing(session, user.id, video_id)


async def _existing(session: Transaction, user_id: UUID, video_id: UUID) -> Job:
    job = await jobs.get(session, video_id, owner_id=user_id)
    if job is None or job.trashed_at is not None:
        raise NotFound
    return job


VideoJob = Annotated[Job, Depends(get_video)]
OwnVideoJob = Annotated[Job, Depends(get_own_video)]


async def get_remixed(source: OwnVideoJob, prompt: Annotated[str, Depends(remix_prompt)], gateway: GatewayDep) -> Spec:
    """The Spec of a finished job with another prompt, and with the seed that was drawn for it."""
    require_succeeded(source)
    seed = (source.resolved or {}).get("seed")
    return checked_spec(Spec.from_row(source.spec).model_dump() | {"prompt": prompt, "seed": seed}, gateway.settings)


@dataclass(frozen=True)
class Submission:
    """What POST /v1/videos and a remix have in common: the quotas, the key and the transaction of the request."""

    session: Transaction
    user: JobsWriter
    quotas: QuotasDep
    idempotency_key: IdempotencyKey = None

    async def submit(self, spec: Spec, source_id: UUID | None = None) -> Enqueued:
        """A job like one of POST /api/generate. One request with the same Idempotency-Key here and there is one job."""
        request_hash = spec_hash(spec) if source_id is None else f"remix {source_id} {spec_hash(spec)}"
        submitted = await jobs.enqueue(
            self.session,
            owner_id=self.user.id,
            spec=spec.model_dump(mode="json"),
            seconds=spec.duration_seconds,
            quotas=self.quotas,
            idempotency_key=self.idempotency_key,
            request_hash=request_hash if self.idempotency_key else None,
        )
        if source_id is not None and not submitted.replayed:
            await remixes.record(self.session, submitted.job.id, source_id=source_id)
        return submitted


SubmissionDep = Annotated[Submission, Depends(Submission)]
NewSpec = Annotated[Spec, Depends(video_spec)]
RemixedSpec = Annotated[Spec, Depends(get_remixed)]
