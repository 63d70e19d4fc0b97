"""Objects of the local store, by signed link. An S3 store serves its objects itself."""

import time
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from api.dependencies import GatewayDep
from api.files.takedown import is_taken_down
from api.problems import LinkRefused, NotFound, documented
from db.errors import BadKey, ObjectMissing
from db.storage.base import content_type
from db.storage.local import LocalStorage

HEADERS = {
    "x-robots-tag": "noindex",
    "content-security-policy": "default-src 'none'; sandbox",
    # The signature is the authorization: pages of any origin may embed the object.
    "cross-origin-resource-policy": "cross-origin",
}
PREVIEWS = "previews/"
# What browsers may show in a page; every other type is a download.
SHOWN_TYPES = frozenset({"video/mp4", "video/webm", "image/gif", "image/webp", "image/png"})
MAX_CACHE_SECONDS = 3600

router = APIRouter(prefix="/api", tags=["files"])


class ObjectResponse(FileResponse):
    """A file response that holds back its start until the file is open, so that errors can still become problems."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message | None = None

        async def send_delayed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                raise_for_status(message)
                start = message
                return
            if start is not None:
                await send(start)
                start = None
            await send(message)

        try:
            await super().__call__(scope, receive, send_delayed)
        except FileNotFoundError as error:
            raise ObjectMissing from error


def raise_for_status(start: Message) -> None:
    """Raise the HTTPException for a response start that rejects the Range header."""
    if start["status"] >= 400:
        headers = Headers(raw=start["headers"])
        kept = {name: value for name, value in headers.items() if name == "content-range"}
        raise HTTPException(start["status"], headers=kept)


@router.head("/files/{key:path}", include_in_schema=False)
@router.get(
    "/files/{key:path}",
    response_class=FileResponse,
    responses=documented(400, 403, 404, 416, ObjectMissing, BadKey, _206="the range that the Range header requests"),
)
async def get_object(
    gateway: GatewayDep, key: str, expires: str = "", signature: str = "", filename: str | None = None
) -> Response:
    """One object by its signed link, without a token, until the link expires."""
    if not isinstance(gateway.storage, LocalStorage):
        raise NotFound
    if not gateway.storage.verify(key, expires, signature, filename):
        raise LinkRefused
    if not key.startswith(PREVIEWS) and await is_taken_down(gateway.direct, key, int(expires)):
        raise LinkRefused
    # No cache keeps an object for longer than the link allows.
    max_age = max(0, min(MAX_CACHE_SECONDS, int(expires) - int(time.time())))
    headers = HEADERS | {"cache-control": f"private, max-age={max_age}"}
    media_type = content_type(key)
    if filename is None and media_type not in SHOWN_TYPES:
        filename = key.rpartition("/")[2]
    options: dict[str, Any] = {"headers": headers, "media_type": media_type}
    # A preview is replaced twice a second: read it whole, so that Content-Length matches the bytes sent.
    if key.startswith(PREVIEWS):
        return Response(await gateway.storage.get(key), **options)
    stat = await gateway.storage.stat(key)
    return ObjectResponse(gateway.storage.path(key), stat_result=stat, filename=filename, **options)
