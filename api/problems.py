"""Every error is rendered as RFC 9457 `application/problem+json` with a stable `code`.

    Problem
    ├── Unauthenticated 401 ── WrongCredentials, TokenRefused
    ├── OriginRefused 403, LinkRefused 403
    ├── NotFound 404
    ├── NotReady 409, JobFailed 409, JobCanceled 409
    ├── ResultGone 410
    ├── BodyTooLarge 413
    ├── HostRefused 421
    ├── TooManyRequests 429
    └── ServiceUnavailable 503

The docstring of a problem is its title. Errors of `db` keep their codes; DB_ERROR_STATUSES assigns their statuses.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from db.errors import (
    DATABASE_ERRORS,
    AuraError,
    BadKey,
    EmailTaken,
    IdempotencyKeyReuse,
    NotEnded,
    NotRetryable,
    ObjectMissing,
    StorageUnavailable,
    SubmissionRefused,
    is_transient,
)

log = structlog.get_logger("api")
MEDIA_TYPE = "application/problem+json"


def retry_after_header(seconds: float | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": str(max(1, round(seconds)))}


class Problem(Exception):
    """Internal server error."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(self, detail: str = "", *, retry_after: float | None = None, **members: Any) -> None:
        super().__init__(detail or type(self).__doc__)
        self.detail = detail
        self.headers = retry_after_header(retry_after)
        self.members = members


class Unauthenticated(Problem):
    """Authentication is required."""

    status, code = 401, "unauthenticated"

    def __init__(self, detail: str = "", **members: Any) -> None:
        super().__init__(detail, **members)
        self.headers["WWW-Authenticate"] = "Bearer"


class WrongCredentials(Unauthenticated):
    """The email address or the password is wrong."""

    code = "wrong_credentials"


class TokenRefused(Unauthenticated):
    """The token is invalid, has expired or was used before."""

    code = "token_refused"


class OriginRefused(Problem):
    """Requests with a cookie are not allowed from this origin."""

    status, code = 403, "origin_refused"


class LinkRefused(Problem):
    """The link is invalid or has expired; request a new one."""

    status, code = 403, "link_refused"


class NotFound(Problem):
    """The resource does not exist."""

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


class BodyTooLarge(Problem):
    """The request body is too large."""

    status, code = 413, "body_too_large"


class HostRefused(Problem):
    """This gateway does not serve this host name."""

    status, code = 421, "host_refused"


class TooManyRequests(Problem):
    """A rate limit or connection limit is exceeded."""

    status, code = 429, "too_many_requests"


class ServiceUnavailable(Problem):
    """A part of the service is unavailable; try again later."""

    status, code = 503, "unavailable"


DB_ERROR_STATUSES: Mapping[type[AuraError], int] = {
    BadKey: 404,
    ObjectMissing: 404,
    EmailTaken: 409,
    NotEnded: 409,
    NotRetryable: 409,
    IdempotencyKeyReuse: 422,
    SubmissionRefused: 429,
    StorageUnavailable: 503,
}
# Codes of errors that the framework raises; the others are the name of the HTTP status.
HTTP_CODES = {
    416: "range_not_satisfiable",
}


class FieldError(BaseModel):
    pointer: str | None = Field(None, description="JSON pointer into the body; empty: the body as a whole")
    parameter: str | None = Field(None, description="the query parameter or header, if the error is not in the body")
    detail: str


class ProblemBody(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="stable identifier of the error, for programs")
    detail: str | None = None
    request_id: str | None = None
    errors: list[FieldError] | None = None


def documented(*statuses: int, **others: str) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: problems with these statuses, and other responses by description.

    A response that is not a problem is given as `_307="to the video"`.
    """
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    responses: dict[int | str, dict[str, Any]] = {
        int(name.removeprefix("_")): {"description": description} for name, description in others.items()
    }
    return responses | {s: {"description": HTTPStatus(s).phrase, "content": content} for s in statuses}


def problem_json(
    request: Request, status: int, code: str, title: str, headers: Mapping[str, str] | None = None, **members: Any
) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "code": code}
    body |= {"request_id": request.scope.get("state", {}).get("request_id")}
    body |= {name: value for name, value in members.items() if value}
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


async def problem_response(request: Request, problem: Problem) -> JSONResponse:
    title = type(problem).__doc__ or ""
    return problem_json(
        request, problem.status, problem.code, title, problem.headers, detail=problem.detail, **problem.members
    )


async def _db_error_response(request: Request, error: AuraError) -> JSONResponse:
    status = next(DB_ERROR_STATUSES[cls] for cls in type(error).__mro__ if cls in DB_ERROR_STATUSES)
    retry_after = error.retry_after if isinstance(error, SubmissionRefused) else 2 if status == 503 else None
    return problem_json(request, status, error.code, str(error), retry_after_header(retry_after))


async def _http_exception_response(request: Request, error: HTTPException) -> JSONResponse:
    status = HTTPStatus(error.status_code)
    code = HTTP_CODES.get(status, status.name.lower())
    return problem_json(request, status, code, status.phrase, error.headers, detail=error.detail)


def field_error(error: Mapping[str, Any]) -> dict[str, str]:
    """One entry of pydantic's errors, without the input, which may be secret or large."""
    location, *path = error["loc"]
    detail = str(error["msg"]).removeprefix("Value error, ")
    if location == "body":
        return {"pointer": "".join(f"/{str(p).replace('~', '~0').replace('/', '~1')}" for p in path), "detail": detail}
    return {"parameter": str(path[0] if path else location), "detail": detail}


def is_json(request: Request, *, has_body: bool) -> bool:
    """Whether FastAPI has parsed the body as JSON, or there was neither a body nor a type."""
    content_type = request.headers.get("content-type")
    if content_type is None:
        return not has_body
    main, _, sub = content_type.partition(";")[0].strip().lower().partition("/")
    return main == "application" and (sub == "json" or sub.endswith("+json"))


async def _validation_error_response(request: Request, error: RequestValidationError) -> JSONResponse:
    errors = error.errors()
    # A malformed id in the path cannot name an existing resource.
    if any(e["loc"][0] == "path" for e in errors):
        return await problem_response(request, NotFound())
    if any(e["type"] == "json_invalid" for e in errors):
        detail = errors[0].get("ctx", {}).get("error")
        return problem_json(request, 400, "invalid_json", "The body is not valid JSON.", detail=detail)
    if any(e["loc"] == ("body",) for e in errors) and not is_json(request, has_body=errors[0]["type"] != "missing"):
        return problem_json(request, 415, "unsupported_media_type", "The Content-Type must be application/json.")
    fields = [field_error(e) for e in errors]
    return problem_json(request, 422, "invalid_request", "The request is not valid.", errors=fields)


async def _database_error_response(request: Request, error: Exception) -> JSONResponse:
    if not is_transient(error):
        raise error
    log.warning("database unreachable", error=type(error).__name__)
    return await problem_response(request, ServiceUnavailable("the database is unreachable", retry_after=1))


async def _internal_error_response(request: Request, _: Exception) -> JSONResponse:
    """Without details: `middleware.RequestLog` logs the traceback under the same request id."""
    return problem_json(request, 500, Problem.code, "Internal server error; it was logged under this request_id.")


def add_exception_handlers(app: FastAPI) -> None:
    app.exception_handler(Problem)(problem_response)
    app.exception_handler(HTTPException)(_http_exception_response)
    app.exception_handler(RequestValidationError)(_validation_error_response)
    app.exception_handler(Exception)(_internal_error_response)
    for db_error in DB_ERROR_STATUSES:
        app.exception_handler(db_error)(_db_error_response)
    for database_error in DATABASE_ERRORS:
        app.exception_handler(database_error)(_database_error_response)
