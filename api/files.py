"""The bytes behind a signed link of the local store. An S3 store serves its own."""

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from api.edge import Parts
from api.problems import LinkRefused, NotFound, documented
from db.errors import ObjectMissing
from db.storage import content_type
from db.storage_local import LocalStorage

SANDBOXED = {
    "cache-control": "private, max-age=3600",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",  # the link itself is the permission
}
PREVIEWS = "previews/"

router = APIRouter(prefix="/api", tags=["files"])


class Streamed(FileResponse):
    """A file from disk. That it is gone, or has no such part, is told before anything is sent: as a problem."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message | None = None

        async def send_later(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = checked(message)
                return
            if start is not None:
                await send(start)
                start = None
            await send(message)

        try:
            await super().__call__(scope, receive, send_later)
        except FileNotFoundError as error:
            raise ObjectMissing from error


def checked(start: Message) -> Message:
    """The start of an answer; one that refuses the Range header is raised instead."""
    if start["status"] < 400:
        return start
    headers = Headers(raw=start["headers"])
    raise HTTPException(start["status"], headers={k: v for k, v in headers.items() if k == "content-range"})


@router.head("/files/{key:path}", include_in_schema=False)
@router.get(
    "/files/{key:path}",
    response_class=FileResponse,
    responses=documented(400, 403, 404, 416, _206="the part that the Range header asked for"),
)
async def file(parts: Parts, key: str, expires: str = "", signature: str = "", filename: str | None = None) -> Response:
    """A link opens one object until it expires, without a token."""
    if not isinstance(parts.storage, LocalStorage):
        raise NotFound
    if not parts.storage.verify(key, expires, signature, filename):
        raise LinkRefused
    same: dict[str, Any] = {"headers": SANDBOXED, "media_type": content_type(key)}
    if key.startswith(PREVIEWS):  # small, and replaced twice a second: its length is that of the bytes that were read
        return Response(await parts.storage.get(key), **same)
    stat = await parts.storage.stat(key)
    return Streamed(parts.storage.path(key), stat_result=stat, filename=filename, **same)
