"""ASGI middleware: request id, access log, security headers, and the size limit of request bodies."""

import re
import sys
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 64 * 1024
# Bounds each field of an access-log line that the client controls.
MAX_LOGGED_CHARS = 200
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "cache-control": "no-store",
}
log = structlog.get_logger("api")


class BodyLimit:
    """Responds with 413 as soon as more than MAX_BODY_BYTES of the body were received."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = 0

        async def receive_limited() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b"")) if message["type"] == "http.request" else 0
            if length > MAX_BODY_BYTES:
                raise HTTPException(413)
            return message

        await self.app(scope, receive_limited, send)


class RequestLog:
    """Assigns the request id, adds response headers, and writes one access-log line per request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                add_headers(message, request_id)
            elif message["type"] == "websocket.accept":
                status = 101
            elif message["type"] == "websocket.close":
                status = message.get("code", 1000)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_headers)
            finally:
                log_request(scope, status, time.perf_counter() - started)


def log_request(scope: Scope, status: int, seconds: float) -> None:
    """Logs the path of the matched route, which contains no ids or keys; the requested path only if none matched."""
    error = sys.exc_info()[1]
    failed = isinstance(error, Exception)
    write = log.error if failed else log.info
    host, _ = scope.get("client") or ("", 0)
    write(
        "request",
        method=scope.get("method", "WEBSOCKET")[:MAX_LOGGED_CHARS],
        path=getattr(scope.get("route"), "path", None) or scope["path"][:MAX_LOGGED_CHARS],
        status=status,
        ms=round(seconds * 1000, 1),
        client=host[:MAX_LOGGED_CHARS],
        exc_info=error if failed else None,
    )


def request_id_of(scope: Scope) -> str:
    """The client's X-Request-Id if it is well-formed, otherwise a new id."""
    requested = Headers(scope=scope).get("x-request-id", "")
    return requested if REQUEST_ID.fullmatch(requested) else uuid.uuid4().hex


def add_headers(message: Message, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    headers["x-request-id"] = request_id
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
