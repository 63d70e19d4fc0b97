"""A prompt comes in, a job goes out."""

import hashlib
import json
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BaseModel, ValidationError

from api.edge import Me, Parts, Transaction
from api.jobs import IdempotencyKey, announce, limits, links
from api.problems import documented
from db import jobs
from pipeline.errors import Refused
from pipeline.models.registry import choose
from pipeline.spec import Spec

router = APIRouter(prefix="/api", tags=["jobs"])


class Accepted(BaseModel):
    job_id: UUID
    status: str
    created_at: AwareDatetime
    queue_position: int | None
    resolved: None = None
    warnings: list[str]
    links: dict[str, str]


async def exact_spec(request: Request, spec: Spec) -> Spec:
    """Read once more, strictly: `true` is no number of steps, and `"512"` is no width. A model that nobody has is told
    at once, and not when the job's turn has come."""
    try:
        exact = Spec.model_validate_json(await request.body(), strict=True)
        choose(exact)
    except ValidationError as error:
        raise RequestValidationError([e | {"loc": ("body", *e["loc"])} for e in error.errors()]) from error
    except Refused as error:
        place = ("body", *error.pointer.split("/")[1:])
        raise RequestValidationError([{"loc": place, "msg": error.message, "type": "refused"}]) from error
    return exact


def digest(spec: Spec) -> str:
    return hashlib.sha256(json.dumps(spec.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


@router.post("/generate", status_code=201, responses=documented(400, 401, 413, 415, 422, 429))
async def generate(
    session: Transaction,
    parts: Parts,
    user: Me,
    response: Response,
    spec: Annotated[Spec, Depends(exact_spec)],
    idempotency_key: IdempotencyKey = None,
) -> Accepted:
    """Queue one video. With an `Idempotency-Key` it is safe to send again."""
    queued = await jobs.enqueue(
        session,
        owner_id=user.id,
        spec=spec.model_dump(mode="json"),
        seconds=spec.duration_seconds,
        idempotency_key=idempotency_key,
        request_hash=digest(spec) if idempotency_key else None,
        limits=limits(parts),
    )
    announce(queued, response)
    return Accepted(
        job_id=queued.job.id,
        status=queued.job.status,
        created_at=queued.job.created_at,
        queue_position=await jobs.queue_position(session, queued.job),
        warnings=queued.job.warnings,
        links=links(queued.job.id),
    )
