"""How long a request will take: `POST /api/generate/estimate`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Security
from pydantic import BaseModel, Field

from api.auth.dependencies import get_current_user
from api.dependencies import Transaction
from api.jobs.specs import strict_spec
from api.problems import documented
from db import stage_rates
from db.tables import Scope
from pipeline.contract.catalog import choose_model
from pipeline.contract.estimate import expected_seconds, requested_units
from pipeline.contract.spec import Spec

router = APIRouter(prefix="/api", tags=["jobs"])


class Estimate(BaseModel):
    """The expected working time of a request, from the measured speed of earlier jobs with the same model."""

    seconds: float | None = Field(
        description="from the start of the job to its end, without the wait in the queue; null if nothing was measured"
    )
    frames: int = Field(description="frames of the finished video")


@router.post(
    "/generate/estimate",
    responses=documented(400, 401, 413, 415, 422),
    dependencies=[Security(get_current_user, scopes=[Scope.JOBS_READ])],
)
async def estimate(session: Transaction, spec: Annotated[Spec, Depends(strict_spec)]) -> Estimate:
    """How long this request would take. Nothing is submitted."""
    model, _ = choose_model(spec)
    rates = await stage_rates.rates(session, model.name)
    seconds = expected_seconds(requested_units(spec, model), rates)
    return Estimate(seconds=None if seconds is None else round(seconds, 1), frames=spec.frames)
