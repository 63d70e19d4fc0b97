"""Finish a video again: a new job from its kept base clip, with another size, frame rate or format."""

import hashlib
import json
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.dependencies import GatewayDep, Transaction
from api.jobs.dependencies import IdempotencyKey, QuotasDep, set_submit_headers
from api.jobs.schemas import JobView, job_view
from api.problems import documented
from api.videos.dependencies import OwnVideo
from api.videos.schemas import FinishRequest
from db.errors import BaseGone, IdempotencyKeyReuse, QueueFull, VideoModerated
from db.jobs import positions
from db.tables import Video
from db.videos.finish import finish
from pipeline.contract.errors import Refused
from pipeline.contract.finish import finished_plan, finished_spec
from pipeline.contract.plan import Plan
from pipeline.contract.spec import Spec

PROBLEMS = documented(400, 401, 404, 413, 415, 422, 429, BaseGone, VideoModerated, IdempotencyKeyReuse, QueueFull)

router = APIRouter(prefix="/api/videos", tags=["videos"])


def get_request(video: OwnVideo, body: FinishRequest) -> tuple[Spec, Plan]:
    """The request of the new job and the plan that it renders. The limits are those of `POST /api/generate`."""
    if video.base is None:
        raise BaseGone
    kept = Plan.model_validate(video.base["plan"])
    try:
        spec = finished_spec(Spec.from_row(video.spec), kept, **body.changes())
        return spec, finished_plan(kept, spec)
    except ValidationError as error:
        raise RequestValidationError([e | {"loc": ("body", *e["loc"])} for e in error.errors()]) from error
    except Refused as error:
        location = ("body", *error.pointer.split("/")[1:])
        raise RequestValidationError([{"loc": location, "msg": error.message, "type": "refused"}]) from error


def request_hash(video: Video, spec: Spec) -> str:
    values = json.dumps([str(video.id), spec.model_dump(mode="json")], sort_keys=True)
    return f"finish {hashlib.sha256(values.encode()).hexdigest()}"


@router.post("/{video_id}/finish", status_code=201, responses=PROBLEMS)
async def finish_video(
    session: Transaction,
    gateway: GatewayDep,
    quotas: QuotasDep,
    response: Response,
    video: OwnVideo,
    request: Annotated[tuple[Spec, Plan], Depends(get_request)],
    idempotency_key: IdempotencyKey = None,
) -> JobView:
    """Queue a job that starts from the kept base clip: nothing is drawn, and no seconds of the quota are used."""
    spec, plan = request
    submitted = await finish(
        session,
        video,
        spec=spec.model_dump(mode="json"),
        plan=plan.model_dump(mode="json"),
        quotas=quotas,
        idempotency_key=idempotency_key,
        request_hash=request_hash(video, spec) if idempotency_key else None,
    )
    set_submit_headers(response, submitted)
    return job_view(submitted.job, gateway.storage, await positions.queue_position(session, submitted.job))
