"""OpenAI's Videos API on the same jobs, keys, quotas and errors as the native API. The id of a video is its job's.

Unknown fields of a request are ignored here, and nowhere else.
"""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response, Security

from api.auth.dependencies import JobsReader, get_current_user
from api.dependencies import Transaction
from api.jobs.dependencies import set_submit_headers
from api.openai.dependencies import NewSpec, OwnVideoJob, RemixedSpec, SubmissionDep, VideoJob
from api.openai.requests import RemixRequest, VideoRequest
from api.openai.schemas import (
    DeletedVideo,
    ModelObject,
    ModelPage,
    VideoObject,
    VideoPage,
    model_object,
    poll_headers,
    video_object,
    video_page,
)
from api.problems import JobCanceled, JobFailed, NotFound, NotReady, documented
from db.errors import IdempotencyKeyReuse, NotEnded, QueueFull, QuotaExceeded
from db.jobs import queries as jobs
from db.jobs import remixes, trash
from db.tables import Scope
from pipeline.contract.catalog import MODELS

SUBMIT_PROBLEMS: Final = (400, 401, 413, 415, 422, 429, IdempotencyKeyReuse, QueueFull, QuotaExceeded)
READER: Final = [Security(get_current_user, scopes=[Scope.JOBS_READ])]

router = APIRouter(prefix="/v1", tags=["openai"])


def body_of(model: type[VideoRequest] | type[RemixRequest], example: dict[str, Any]) -> dict[str, Any]:
    """The `openapi_extra` of a route that reads its body itself, as JSON or as a form."""
    schema = model.model_json_schema()
    form = schema | {"properties": {**schema["properties"]}}
    if "input_reference" in form["properties"]:
        form["properties"]["input_reference"] = {"type": "string", "contentMediaType": "image/png"}
    content = {
        "application/json": {"schema": schema, "example": example},
        "multipart/form-data": {"schema": form},
    }
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/videos",
    responses=documented(*SUBMIT_PROBLEMS),
    openapi_extra=body_of(
        VideoRequest, {"prompt": "a red circle moving to the right", "seconds": "2", "size": "512x512"}
    ),
)
async def create_video(submission: SubmissionDep, response: Response, spec: NewSpec) -> VideoObject:
    """Queue one video. `openai-poll-after-ms` is the time until the next poll."""
    submitted = await submission.submit(spec)
    set_submit_headers(response, submitted)
    response.headers.update(poll_headers(submitted.job))
    return video_object(submitted.job)


@router.get("/videos", responses=documented(401, 422))
async def list_videos(
    session: Transaction,
    user: JobsReader,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[UUID | None, Query(description="the last_id of the previous page")] = None,
    order: Literal["asc", "desc"] = "desc",
) -> VideoPage:
    page = await jobs.page(session, owner_id=user.id, limit=limit, after=after, order=order)
    return video_page(page, await remixes.sources(session, [job.id for job in page.data]))


@router.get("/videos/{video_id}", responses=documented(401, 404))
async def retrieve_video(session: Transaction, response: Response, job: VideoJob) -> VideoObject:
    response.headers.update(poll_headers(job))
    return video_object(job, (await remixes.sources(session, [job.id])).get(job.id))


@router.delete("/videos/{video_id}", responses=documented(401, 404, NotEnded))
async def delete_video(session: Transaction, job: OwnVideoJob) -> DeletedVideo:
    """Move a video to the trash; a queued job is canceled first. `not_ended` while it is being made."""
    # NotEnded rolls this back: a running job goes on.
    await jobs.request_cancel(session, job.id, owner_id=job.owner_id)
    if await trash.move_to_trash(session, job.id, owner_id=job.owner_id) is None:
        raise NotFound
    return DeletedVideo(id=str(job.id))


@router.post(
    "/videos/{video_id}/remix",
    responses=documented(*SUBMIT_PROBLEMS, 404, NotReady, JobFailed, JobCanceled),
    openapi_extra=body_of(RemixRequest, {"prompt": "a blue circle moving to the right"}),
)
async def remix_video(
    submission: SubmissionDep, response: Response, source: OwnVideoJob, spec: RemixedSpec
) -> VideoObject:
    """A new video like a finished one, seed included, with another prompt."""
    submitted = await submission.submit(spec, source.id)
    set_submit_headers(response, submitted)
    response.headers.update(poll_headers(submitted.job))
    return video_object(submitted.job, source.id)


@router.get("/models", responses=documented(401), dependencies=READER)
async def list_models() -> ModelPage:
    return ModelPage(data=[model_object(model) for model in MODELS.values()])


@router.get("/models/{model}", responses=documented(401, 404), dependencies=READER)
async def retrieve_model(model: str) -> ModelObject:
    if model not in MODELS:
        raise NotFound
    return model_object(MODELS[model])
