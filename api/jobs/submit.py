"""Submit a prompt: `POST /api/generate`."""

import hashlib
import json
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.auth.dependencies import CurrentUser
from api.dependencies import GatewayDep, Transaction
from api.jobs.dependencies import IdempotencyKey, QuotasDep, set_submit_headers
from api.jobs.schemas import JobAccepted, job_accepted
from api.problems import documented
from db.jobs import positions
from db.jobs import queries as jobs
from pipeline.contract.catalog import choose_model
from pipeline.contract.errors import Refused
from pipeline.contract.spec import Spec

router = APIRouter(prefix="/api", tags=["jobs"])


async def strict_spec(request: Request, spec: Spec, gateway: GatewayDep) -> Spec:
    """The body, validated without type coercion (`true` is not a number) and against the catalog of models."""
    try:
        strict = Spec.model_validate_json(await request.body(), strict=True)
        if "model" not in strict.model_fields_set:
            strict = strict.model_copy(update={"model": gateway.settings.model_variant})
        choose_model(strict)
    except ValidationError as error:
        raise RequestValidationError([e | {"loc": ("body", *e["loc"])} for e in error.errors()]) from error
    except Refused as error:
        location = ("body", *error.pointer.split("/")[1:])
        raise RequestValidationError([{"loc": location, "msg": error.message, "type": "refused"}]) from error
    return strict


def spec_hash(spec: Spec) -> str:
    """SHA-256 of the canonical JSON, which detects an Idempotency-Key that is reused for another request."""
    return hashlib.sha256(json.dumps(spec.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


@router.post("/generate", status_code=201, responses=documented(400, 401, 413, 415, 422, 429))
async def generate(
    session: Transaction,
    quotas: QuotasDep,
    user: CurrentUser,
    response: Response,
    spec: Annotated[Spec, Depends(strict_spec)],
    idempotency_key: IdempotencyKey = None,
) -> JobAccepted:
    """Queue one video. With an `Idempotency-Key` the request can be retried safely."""
    submitted = await jobs.enqueue(
        session,
        owner_id=user.id,
        spec=spec.model_dump(mode="json"),
        seconds=spec.duration_seconds,
        idempotency_key=idempotency_key,
        request_hash=spec_hash(spec) if idempotency_key else None,
        quotas=quotas,
    )
    set_submit_headers(response, submitted)
    return job_accepted(submitted.job, await positions.queue_position(session, submitted.job))
