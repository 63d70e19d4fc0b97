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

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api import openai_errors
from db.errors import (
    AlreadyDecided,
    AuraError,
    BadKey,
    BaseGone,
    EmailTaken,
    IdempotencyKeyReuse,
    NotEnded,
    NotRetryable,
    ObjectMissing,
    PromptInFile,
    StorageUnavailable,
    SubmissionRefused,
    TooManyKeys,
    TooManyShares,
    TooManyTags,
    TooManyWebhooks,
    VideoModerated,
)

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
    BaseGone: 409,
    TooManyTags: 409,
    VideoModerated: 409,
    PromptInFile: 409,
    AlreadyDecided: 409,
    TooManyShares: 409,
    TooManyKeys: 409,
    TooManyWebhooks: 409,
    IdempotencyKeyReuse: 422,
    SubmissionRefused: 429,
    StorageUnavailable: 503,
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


# Statuses that RFC 9110 renamed. `HTTPStatus` has the new phrases from Python 3.13 on, and the OpenAPI document must be
# the same on every version.
_PHRASES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
# The extension in which `documented` passes the codes of a response on to the OpenAPI document.
CODES = "x-codes"
# Code and title of the errors that are not one of the classes above or of `db.errors`, by status.
FRAMEWORK_PROBLEMS: Mapping[int, tuple[str, str]] = {
    400: ("invalid_json", "The body is not valid JSON."),
    415: ("unsupported_media_type", "The Content-Type must be application/json."),
    416: ("range_not_satisfiable", _PHRASES[416]),
    422: ("invalid_request", "The request is not valid."),
}


def status_of(error: type[Problem] | type[AuraError]) -> int:
    if issubclass(error, Problem):
        return error.status
    return next(DB_ERROR_STATUSES[cls] for cls in error.__mro__ if cls in DB_ERROR_STATUSES)


def reason_phrase(status: int) -> str:
    """The phrase of RFC 9110, section 15."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def documented(*problems: int | type[Problem] | type[AuraError], **others: str) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: its problems, by class or only by status, and other responses by description.

    A response that is not a problem is given as `_307="to the video"`.
    """
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    responses: dict[int | str, dict[str, Any]] = {
        int(name.removeprefix("_")): {"description": description} for name, description in others.items()
    }
    for problem in problems:
        status = problem if isinstance(problem, int) else status_of(problem)
        response = responses.setdefault(status, {"description": reason_phrase(status), "content": content})
        if not isinstance(problem, int):
            response[CODES] = [*response.get(CODES, ()), problem.code]
    return responses


def problem_json(
    request: Request, status: int, code: str, title: str, headers: Mapping[str, str] | None = None, **members: Any
) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "code": code}
    body |= {"request_id": request.scope.get("state", {}).get("request_id")}
    body |= {name: value for name, value in members.items() if value}
    if request.url.path.startswith(openai_errors.PREFIX):
        body["error"] = openai_errors.error_object(status, body)
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


async def problem_response(request: Request, problem: Problem) -> JSONResponse:
    title = type(problem).__doc__ or ""
    return problem_json(
        request, problem.status, problem.code, title, problem.headers, detail=problem.detail, **problem.members
    )
