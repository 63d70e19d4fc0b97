"""The Spec of a request: validation, and the hash that detects a reused Idempotency-Key."""

import hashlib
import json

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.dependencies import GatewayDep
from api.settings import Settings
from pipeline.contract.catalog import choose_model
from pipeline.contract.errors import Refused
from pipeline.contract.spec import Spec


async def strict_spec(request: Request, spec: Spec, gateway: GatewayDep) -> Spec:
    """The body, validated without type coercion (`true` is not a number) and against the catalog of models."""
    try:
        strict = Spec.model_validate_json(await request.body(), strict=True)
    except ValidationError as error:
        raise RequestValidationError([e | {"loc": ("body", *e["loc"])} for e in error.errors()]) from error
    return with_model(strict, gateway.settings)


def with_model(spec: Spec, settings: Settings) -> Spec:
    """The spec with its model, which is in the catalog and supports the request. Raises RequestValidationError."""
    if "model" not in spec.model_fields_set:
        spec = spec.model_copy(update={"model": settings.model_variant})
    try:
        choose_model(spec)
    except Refused as error:
        location = ("body", *error.pointer.split("/")[1:])
        raise RequestValidationError([{"loc": location, "msg": error.message, "type": "refused"}]) from error
    return spec


def spec_hash(spec: Spec) -> str:
    """SHA-256 of the canonical JSON, which detects an Idempotency-Key that is reused for another request."""
    return hashlib.sha256(json.dumps(spec.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
