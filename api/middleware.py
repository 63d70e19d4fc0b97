"""ASGI middleware: request id, access log, security headers, and checks of the host, the path and the body's size."""

import ipaddress
import re
import sys
import time
import uuid
from collections.abc import Collection, Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import BodyTooLarge, HostRefused, NotFound, Problem, problem_response
from api.settings import Settings

# An encoded slash, backslash or NUL: `/api%2fme` is `/api/me` to the router, and need not be to a proxy.
AMBIGUOUS = re.compile(rb"%(2f|5c|00)", re.IGNORECASE)
DIGITS = re.compile(r"[0-9]{1,20}")
# Bounds each field of an access-log line that the client controls.
MAX_LOGGED_CHARS = 200
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "cache-control": "no-store",
    # Pages of other origins cannot embed answers; signed files allow it.
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
# For a year, and only where PUBLIC_URL is https. Not for subdomains, which may belong to other services.
HSTS = {"strict-transport-security": "max-age=31536000"}
# Members of requests and responses that pages of ALLOWED_ORIGINS use. CORS allows others by itself.
CORS_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
CORS_REQUEST_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Range")
CORS_RESPONSE_HEADERS = ("Accept-Ranges", "Content-Disposition", "Content-Range", "ETag", "Location", "Retry-After")
PREFLIGHT_SECONDS = 600
# Development mode: pages on the loopback address, on any port.
LOOPBACK_ORIGIN = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"
log = structlog.get_logger("api")


class TargetCheck:
    """Refuses host names of others, and paths that a proxy may have read differently.

    A page on a host name that resolves to this gateway (DNS rebinding) is same-origin for the browser. IP addresses and
    `localhost` cannot be rebound.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._problem(scope) if scope["type"] in ("http", "websocket") else None
        if problem is None:
            await self.app(scope, receive, send)
        else:
            await (await problem_response(Request({**scope, "type": "http"}), problem))(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        host = host_name(Headers(scope=scope).get("host", ""))
        if not (is_local(host) or host in self._hosts or "*" in self._hosts):
            return HostRefused(f"set ALLOWED_HOSTS or PUBLIC_URL if {host[:MAX_LOGGED_CHARS]!r} is this gateway")
        return NotFound() if AMBIGUOUS.search(scope.get("raw_path", b"")) else None


def host_name(header: str) -> str:
    """The host of a Host header in lower case: without the port, and an IPv6 address without brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower().removesuffix(".")


def is_local(host: str) -> bool:
    """Whether the host is no name that someone else can point to this gateway. HTTP/1.0 needs no Host header."""
    if host in ("", "localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class BodyLimit:
    """Receives the whole body before the application starts, and responds with 413 if it is larger than the limit.

    A slow body therefore occupies neither a database connection nor one of the client's request slots.
    """

    def __init__(self, app: ASGIApp, body_bytes: int) -> None:
        self.app = app
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        received: Message | None = await self._read(scope, receive)
        if received is None:
            detail = f"the limit is {self._body_bytes} bytes"
            await (await problem_response(Request(scope), BodyTooLarge(detail)))(scope, receive, send)
            return

        async def receive_again() -> Message:
            nonlocal received
            message, received = received, None
            return message or await receive()

        await self.app(scope, receive_again, send)

    async def _read(self, scope: Scope, receive: Receive) -> Message | None:
        """The body as one message, or the disconnect; None if the body is too large."""
        declared = Headers(scope=scope).get("content-length", "")
        if DIGITS.fullmatch(declared) and int(declared) > self._body_bytes:
            return None
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message
            body += message.get("body", b"")
            if len(body) > self._body_bytes:
                return None
            if not message.get("more_body", False):
                return {"type": "http.request", "body": bytes(body), "more_body": False}


class RequestLog:
    """Assigns the request id, adds response headers, and writes one access-log line per request."""

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self.app = app
        self._headers = SECURITY_HEADERS | (HSTS if https else {})

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
                add_headers(message, request_id, self._headers)
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
        user_id=scope["state"].get("user_id"),
        exc_info=error if failed else None,
    )


def request_id_of(scope: Scope) -> str:
    """The client's X-Request-Id if it is well-formed, otherwise a new id."""
    requested = Headers(scope=scope).get("x-request-id", "")
    return requested if REQUEST_ID.fullmatch(requested) else uuid.uuid4().hex


def cors(settings: Settings) -> Middleware:
    """Pages of exactly PUBLIC_URL and ALLOWED_ORIGINS may read answers, with the cookies of /api/auth."""
    return Middleware(
        CORSMiddleware,
        allow_origins=sorted(settings.origins),
        allow_origin_regex=LOOPBACK_ORIGIN if settings.trusts_loopback else None,
        allow_credentials=True,
        allow_methods=CORS_METHODS,
        allow_headers=CORS_REQUEST_HEADERS,
        expose_headers=(*CORS_RESPONSE_HEADERS, "X-Request-Id"),
        max_age=PREFLIGHT_SECONDS,
    )


def add_headers(message: Message, request_id: str, values: Mapping[str, str]) -> None:
    headers = MutableHeaders(scope=message)
    headers["x-request-id"] = request_id
    for name, value in values.items():
        headers.setdefault(name, value)
