"""Every error as RFC 9457 `application/problem+json`, with a stable `code`.

    Problem
    ├── Unauthenticated 401 ── WrongCredentials, TokenRefused
    ├── OriginRefused 403, LinkRefused 403
    ├── NotFound 404
    ├── NotReady 409, JobFailed 409, JobCanceled 409
    ├── ResultGone 410
    ├── TooManyRequests 429
    └── Unavailable 503

The docstring of a problem is its title. The errors of `db` keep their own names and are given a status here.
"""

import errno
from collections.abc import Mapping
from http import HTTPStatus
from socket import gaierror
from typing import Any, ClassVar

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from db.errors import (
    AuraError,
    BadKey,
    EmailTaken,
    IdempotencyKeyReuse,
    NotEnded,
    NotRetryable,
    ObjectMissing,
    StorageUnavailable,
    SubmissionRefused,
)

log = structlog.get_logger("api")
MEDIA_TYPE = "application/problem+json"


def retry_header(seconds: float | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": str(max(1, round(seconds)))}


class Problem(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(self, detail: str = "", *, retry_after: float | None = None, **members: Any) -> None:
        super().__init__(detail or type(self).__doc__)
        self.detail = detail
        self.headers = retry_header(retry_after)
        self.members = members


class Unauthenticated(Problem):
    """Sign in first."""

    status, code = 401, "unauthenticated"

    def __init__(self, detail: str = "", **members: Any) -> None:
        super().__init__(detail, **members)
        self.headers["WWW-Authenticate"] = "Bearer"


class WrongCredentials(Unauthenticated):
    """The email address or the password is wrong."""

    code = "wrong_credentials"


class TokenRefused(Unauthenticated):
    """The token is invalid, expired or was used before."""

    code = "token_refused"


class OriginRefused(Problem):
    """This web page may not act for you."""

    status, code = 403, "origin_refused"


class LinkRefused(Problem):
    """The link is invalid or has expired; ask for a new one."""

    status, code = 403, "link_refused"


class NotFound(Problem):
    """There is no such thing."""

    status, code = 404, "not_found"


class NotReady(Problem):
    """The video is not finished yet."""

    status, code = 409, "not_ready"


class JobFailed(Problem):
    """The job failed: there is no video."""

    status, code = 409, "job_failed"


class JobCanceled(Problem):
    """The job was canceled: there is no video."""

    status, code = 409, "job_canceled"


class ResultGone(Problem):
    """The video was removed."""

    status, code = 410, "result_gone"


class TooManyRequests(Problem):
    """Too many tries; wait a little."""

    status, code = 429, "too_many_requests"


class Unavailable(Problem):
    """A part of the service does not answer; try again."""

    status, code = 503, "unavailable"


FROM_DB: Mapping[type[AuraError], int] = {
    BadKey: 404,
    ObjectMissing: 404,
    EmailTaken: 409,
    NotEnded: 409,
    NotRetryable: 409,
    IdempotencyKeyReuse: 422,
    SubmissionRefused: 429,
    StorageUnavailable: 503,
}
UNREACHABLE = {None, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}  # None: several addresses, none answered
PASSING = {"08", "40", "53", "55", "57"}  # SQLSTATE: connection, rollback, resources, locks, operator intervention
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
}


class FieldError(BaseModel):
    pointer: str | None = Field(None, description="JSON pointer into the body; empty: the body as a whole")
    parameter: str | None = Field(None, description="the query parameter or header, when it is not in the body")
    detail: str


class ProblemBody(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="stable: programs decide by it")
    detail: str | None = None
    request_id: str | None = None
    errors: list[FieldError] | None = None


def documented(*statuses: int, **others: str) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route: these problems, and other answers by description (`_307="to the bytes"`)."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemBody"}}
    answers: dict[int | str, dict[str, Any]] = {int(s.removeprefix("_")): {"description": t} for s, t in others.items()}
    return answers | {s: {"description": HTTPStatus(s).phrase, "content": {MEDIA_TYPE: schema}} for s in statuses}


def problem(
    request: Request, status: int, code: str, title: str, headers: Mapping[str, str] | None = None, **members: Any
) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "code": code}
    body |= {"request_id": request.scope.get("state", {}).get("request_id")}
    body |= {name: value for name, value in members.items() if value}
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def answer(request: Request, error: Problem) -> JSONResponse:
    title = type(error).__doc__ or ""
    return problem(request, error.status, error.code, title, error.headers, detail=error.detail, **error.members)


async def _named(request: Request, error: Problem) -> JSONResponse:
    return answer(request, error)


async def _from_db(request: Request, error: AuraError) -> JSONResponse:
    status = next(FROM_DB[cls] for cls in type(error).__mro__ if cls in FROM_DB)
    wait = error.retry_after if isinstance(error, SubmissionRefused) else 2 if status == 503 else None
    return problem(request, status, error.code, str(error), retry_header(wait))


async def _http(request: Request, error: HTTPException) -> JSONResponse:
    code = CODES.get(error.status_code, HTTPStatus(error.status_code).name.lower())
    title = HTTPStatus(error.status_code).phrase
    return problem(request, error.status_code, code, title, error.headers, detail=error.detail)


def field_error(error: Mapping[str, Any]) -> dict[str, str]:
    """One entry of pydantic's errors, without the input: it may be a secret, or too large to repeat."""
    place, *path = error["loc"]
    detail = str(error["msg"]).removeprefix("Value error, ")
    if place == "body":
        return {"pointer": "".join(f"/{str(p).replace('~', '~0').replace('/', '~1')}" for p in path), "detail": detail}
    return {"parameter": str(path[0] if path else place), "detail": detail}


async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    errors = error.errors()
    if any(e["loc"][0] == "path" for e in errors):  # an id that cannot exist
        return answer(request, NotFound())
    if any(e["type"] == "json_invalid" for e in errors):
        why = errors[0].get("ctx", {}).get("error")
        return problem(request, 400, "invalid_json", "The body is not JSON.", detail=why)
    if any(e["loc"] == ("body",) for e in errors) and "json" not in request.headers.get("content-type", "json"):
        return problem(request, 415, CODES[415], "Send the body as application/json.")
    fields = [field_error(e) for e in errors]
    return problem(request, 422, "invalid_request", "The request is not valid.", errors=fields)


def is_away(error: Exception) -> bool:
    """Whether the database was out of reach, restarting, overloaded or busy: the same request may work later."""
    if isinstance(error, OSError):
        return isinstance(error, ConnectionError | TimeoutError | gaierror) or error.errno in UNREACHABLE
    if not isinstance(error, DBAPIError):
        return True
    lost = error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
    return lost or (getattr(error.orig, "sqlstate", None) or "")[:2] in PASSING


async def _database_away(request: Request, error: Exception) -> JSONResponse:
    if not is_away(error):
        raise error
    log.warning("the database does not answer", error=type(error).__name__)
    return answer(request, Unavailable("the database does not answer", retry_after=1))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """Answered here, logged with its traceback by `logs.RequestLog`."""
    return problem(request, 500, Problem.code, "Something went wrong here; it was logged under this request_id.")


def install(app: FastAPI) -> None:
    app.exception_handler(Problem)(_named)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(Exception)(_unexpected)
    for error in FROM_DB:
        app.exception_handler(error)(_from_db)
    for away in (DBAPIError, PoolTimeout, OSError):
        app.exception_handler(away)(_database_away)
