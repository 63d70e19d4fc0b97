"""The handlers that render exceptions as problems."""

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api.problems import (
    DB_ERROR_STATUSES,
    FRAMEWORK_PROBLEMS,
    NotFound,
    Problem,
    ServiceUnavailable,
    problem_json,
    problem_response,
    reason_phrase,
    retry_after_header,
    status_of,
)
from db.errors import DATABASE_ERRORS, AuraError, SubmissionRefused, is_transient

log = structlog.get_logger("api")


async def _db_error_response(request: Request, error: AuraError) -> JSONResponse:
    status = status_of(type(error))
    retry_after = error.retry_after if isinstance(error, SubmissionRefused) else 2 if status == 503 else None
    return problem_json(request, status, error.code, str(error), retry_after_header(retry_after))


async def _http_exception_response(request: Request, error: HTTPException) -> JSONResponse:
    # A body that is not UTF-8, or nested too deeply: FastAPI has no error of its own for it.
    if isinstance(error.__cause__, UnicodeDecodeError | RecursionError):
        return problem_json(request, 400, *FRAMEWORK_PROBLEMS[400], detail=error.detail)
    title = reason_phrase(error.status_code)
    code = title.lower().replace(" ", "_")
    return problem_json(request, error.status_code, code, title, error.headers, detail=error.detail)


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
        return problem_json(request, 400, *FRAMEWORK_PROBLEMS[400], detail=detail)
    # A route that reads its body itself has set `body_is_read`.
    unread = any(e["loc"] == ("body",) for e in errors) and not getattr(request.state, "body_is_read", False)
    if unread and not is_json(request, has_body=errors[0]["type"] != "missing"):
        return problem_json(request, 415, *FRAMEWORK_PROBLEMS[415])
    fields = [field_error(e) for e in errors]
    return problem_json(request, 422, *FRAMEWORK_PROBLEMS[422], errors=fields)


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
