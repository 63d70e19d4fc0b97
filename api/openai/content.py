"""GET /v1/videos/{id}/content: the bytes of a finished video, its thumbnail or its sprite sheet."""

from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from pydantic import WithJsonSchema

from api.dependencies import Gateway, GatewayDep, Transaction
from api.files.routes import HEADERS, ObjectResponse
from api.jobs.results import require_succeeded
from api.jobs.schemas import output_view
from api.openai.dependencies import VideoJob
from api.problems import JobCanceled, JobFailed, NotFound, NotReady, documented
from db.jobs import queries as jobs
from db.storage.local import LocalStorage
from db.tables import Artifact, Job


class Variant(StrEnum):
    VIDEO = "video"
    THUMBNAIL = "thumbnail"
    SPRITESHEET = "spritesheet"


KINDS: Final = {Variant.VIDEO: "video", Variant.THUMBNAIL: "poster", Variant.SPRITESHEET: "spritesheet"}
VariantName = Annotated[
    Variant, Query(), WithJsonSchema({"type": "string", "enum": [*Variant], "default": Variant.VIDEO.value})
]
PROBLEMS = documented(
    401,
    404,
    NotReady,
    JobFailed,
    JobCanceled,
    400,
    416,
    422,
    _206="the range that the Range header requests",
    _307="redirect to the object store, which serves the bytes and ranges itself",
)

router = APIRouter(prefix="/v1/videos", tags=["openai"])


@router.head("/{video_id}/content", include_in_schema=False)
@router.get("/{video_id}/content", response_class=FileResponse, responses=PROBLEMS)
async def content(
    request: Request, session: Transaction, gateway: GatewayDep, job: VideoJob, variant: VariantName = Variant.VIDEO
) -> Response:
    """The file. A video that was made before there were sprite sheets has none."""
    require_succeeded(job)
    files = await jobs.artifacts(session, job.id, owner_id=job.owner_id)
    file = next((file for file in files if file.kind == KINDS[variant]), None)
    if file is None:
        raise NotFound(f"there is no {variant}")
    return await file_response(gateway, request.method, job, file)


async def file_response(gateway: Gateway, method: str, job: Job, file: Artifact) -> Response:
    """From the local store the bytes themselves; from an S3 store a link, which is signed for GET only."""
    options: dict[str, Any] = {"headers": HEADERS, "media_type": file.content_type}
    if isinstance(gateway.storage, LocalStorage):
        stat = await gateway.storage.stat(file.key)
        filename = f"auraanim-{job.id}-{file.kind}.{file.key.rpartition('.')[2]}"
        return ObjectResponse(gateway.storage.path(file.key), stat_result=stat, filename=filename, **options)
    if method == "HEAD":
        options["headers"] = HEADERS | {"content-length": str(file.size_bytes), "accept-ranges": "bytes"}
        return Response(**options)
    return RedirectResponse(output_view(job, file, gateway.storage).url, 307)
