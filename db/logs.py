"""Log configuration of every process: one JSON object per line, without prompts, tokens or other contents of rows.

It is in this package because the gateway and the pipeline both import it, and because the messages of database
errors are what would quote rows. Tracebacks are written as frames plus the first line of each message; local variables
are never rendered: they hold prompts, and large arrays take minutes to print.
"""

import logging
import sys
import traceback
from typing import Any, Final

import structlog

MAX_MESSAGE_CHARS: Final = 300


def safe_traceback(error: BaseException) -> str:
    """The frames of an exception and its causes, with the first line of each message only: the rest may quote rows."""
    return _format_chain(error, seen=set())


def _format_chain(error: BaseException, seen: set[int]) -> str:
    parts = []
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        parts.append(_format_one(current, seen))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n\nThe above exception led to:\n\n".join(reversed(parts))


def _format_one(error: BaseException, seen: set[int]) -> str:
    """One exception of the chain; for an exception group, its members too."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    text = f"{frames}{type(error).__qualname__}: {first_line(error)}"
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return "\n\nMember of the group:\n\n".join([text, *(_format_chain(member, seen) for member in members)])


def first_line(error: BaseException, max_chars: int = MAX_MESSAGE_CHARS) -> str:
    """The first line of an error's message, shortened: what a log field may hold."""
    return str(error).partition("\n")[0][:max_chars]


def _render_exception(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = safe_traceback(error)
    return event


PROCESSORS: Final[list[structlog.typing.Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _render_exception,
]


def configure() -> None:
    """Write structlog's events as JSON lines on standard output, from level INFO."""
    structlog.configure(
        [*PROCESSORS, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=False,
    )


def configure_uvicorn() -> None:
    """Give uvicorn's loggers the same format. The request middleware replaces its access log and its tracebacks."""
    render = structlog.processors.JSONRenderer()
    bare = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=PROCESSORS, processors=[bare, render]))
    handler.addFilter(_is_not_duplicate)
    logger = logging.getLogger("uvicorn")
    logger.handlers, logger.propagate = [handler], False
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    logging.getLogger("uvicorn.access").handlers = []
    logging.getLogger("uvicorn.access").propagate = False


def _is_not_duplicate(record: logging.LogRecord) -> bool:
    """False for records that the request middleware logs itself: tracebacks with whole messages, WebSocket URLs."""
    text = str(record.msg)
    return not text.startswith("Exception in ASGI application") and '"WebSocket' not in text
