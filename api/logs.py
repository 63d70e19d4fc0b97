"""One JSON line per request, with neither tokens nor prompts; and what every response carries."""

import logging
import re
import sys
import time
import traceback
import uuid
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "cache-control": "no-store",
}
log = structlog.get_logger("api")


def plain_traceback(error: BaseException) -> str:
    """Frames and the first line of each message: the rest may quote rows, and with them prompts."""
    return _chain(error, seen=set())


def _chain(error: BaseException, seen: set[int]) -> str:
    parts = []
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        parts.append(_single(cause, seen))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n\ncaused:\n\n".join(reversed(parts))


def _single(error: BaseException, seen: set[int]) -> str:
    """One link of the chain: of a group, all that it holds."""
    first_line = str(error).partition("\n")[0][:300]
    told = "".join(traceback.format_tb(error.__traceback__)) + f"{type(error).__qualname__}: {first_line}"
    held = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return "\n\nof which:\n\n".join([told, *(_chain(each, seen) for each in held)])


def _exception(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = plain_traceback(error)
    return event


STEPS: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _exception,
]


def not_said_already(record: logging.LogRecord) -> bool:
    """uvicorn repeats our tracebacks with whole messages, and logs the query of a WebSocket."""
    text = str(record.msg)
    return not text.startswith("Exception in ASGI application") and '"WebSocket' not in text


def configure() -> None:
    """JSON on stdout for us and for uvicorn, whose access log and tracebacks `RequestLog` replaces."""
    structlog.configure([*STEPS, structlog.processors.JSONRenderer()], logger_factory=structlog.WriteLoggerFactory())
    bare, as_json = structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=STEPS, processors=[bare, as_json]))
    handler.addFilter(not_said_already)
    logger = logging.getLogger("uvicorn")
    logger.handlers, logger.propagate = [handler], False
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    logging.getLogger("uvicorn.access").handlers = []
    logging.getLogger("uvicorn.access").propagate = False


def request_id_of(scope: Scope) -> str:
    asked = Headers(scope=scope).get("x-request-id", "")
    return asked if SANE_ID.fullmatch(asked) else uuid.uuid4().hex


class RequestLog:
    """Gives each request its id, its line in the log and its headers, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started, seen = time.perf_counter(), {"status": 500}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                add_headers(message, request_id)
            elif message["type"] == "websocket.accept":
                seen["status"] = 101
            elif message["type"] == "websocket.close":
                seen["status"] = message.get("code", 1000)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_headers)
            finally:
                self._line(scope, seen["status"], time.perf_counter() - started)

    def _line(self, scope: Scope, status: int, seconds: float) -> None:
        error = sys.exc_info()[1]
        route = getattr(scope.get("route"), "path", None)
        write = log.error if isinstance(error, Exception) else log.info
        write(
            "request",
            method=scope.get("method", "WEBSOCKET"),
            path=route or scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            client=(scope.get("client") or [None])[0],
            exc_info=error if isinstance(error, Exception) else None,
        )


def add_headers(message: Message, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    headers["x-request-id"] = request_id
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
