"""The bytes behind a signed link of the local store. An S3 store serves its own."""

from fastapi import APIRouter
from fastapi.responses import FileResponse

from api.edge import Parts
from api.problems import LinkRefused, NotFound, documented
from db.storage import content_type
from db.storage_local import LocalStorage

SANDBOXED = {
    "cache-control": "private, max-age=3600",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",  # the link itself is the permission
}

router = APIRouter(prefix="/api", tags=["files"])


@router.head("/files/{key:path}", include_in_schema=False)
@router.get(
    "/files/{key:path}",
    response_class=FileResponse,
    responses=documented(403, 404, 416, _206="the part that the Range header asked for"),
)
async def file(
    parts: Parts, key: str, expires: str = "", signature: str = "", filename: str | None = None
) -> FileResponse:
    """Streamed from disk; a link opens one object until it expires, without a token."""
    if not isinstance(parts.storage, LocalStorage):
        raise NotFound
    if not parts.storage.verify(key, expires, signature, filename):
        raise LinkRefused
    path = parts.storage.path(key)
    return FileResponse(path, headers=SANDBOXED, media_type=content_type(key), filename=filename)
