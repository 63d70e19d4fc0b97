"""The OpenAPI document of the gateway: `python -m api.openapi` prints it."""

import functools
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from api.auth.problems import ScopeRequired, SessionRequired
from api.openapi_examples import EXAMPLES
from api.problems import (
    CODES,
    DB_ERROR_STATUSES,
    FRAMEWORK_PROBLEMS,
    MEDIA_TYPE,
    NotFound,
    Problem,
    ProblemBody,
    ServiceUnavailable,
    TokenRefused,
    TooManyRequests,
    Unauthenticated,
    documented,
    reason_phrase,
    status_of,
)
from api.routers import ROUTERS
from db.errors import AuraError, StorageUnavailable
from pipeline.contract.version import VERSION

REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = """Text to video.

Requests that are not valid HTTP, that arrive too slowly, or whose header is too large, are answered with the problems
400, 408 and 431 before they are assigned to an operation."""
# Body too large, foreign host name, too many requests of this client, database unreachable.
EVERYWHERE = (413, 421, 429, 503)
# Invalid JSON, and a type that is not JSON.
WITH_BODY = (400, 415)
# The codes of statuses that have the same meaning for every operation.
COMMON_CODES: Mapping[int, tuple[str, ...]] = {
    401: (Unauthenticated.code, TokenRefused.code),
    404: (NotFound.code,),
    429: (TooManyRequests.code,),
    503: (ServiceUnavailable.code, StorageUnavailable.code),
    **{status: (code,) for status, (code, _) in FRAMEWORK_PROBLEMS.items() if status != 400},
}
# The codes of routes that name only the status of a problem, by the tag of the route.
TAG_CODES: Mapping[tuple[str, int], tuple[str, ...]] = {
    ("auth", 401): ("wrong_credentials", "second_factor_required", "token_refused"),
    ("auth", 403): (
        "origin_refused", "registration_closed", "invitation_refused", "link_used", "mail_disabled", "role_required",
    ),
    ("account", 403): ("wrong_password", "wrong_code", "link_used", "mail_disabled"),
    ("account", 409): ("second_factor_exists", "email_taken"),
    ("passkeys", 403): ("origin_refused", "passkeys_disabled", "passkey_invalid", "wrong_password", "wrong_code"),
    ("passkeys", 409): ("too_many_passkeys",),
    ("administration", 403): ("role_required",),
    # A malformed Range header.
    ("files", 400): ("bad_request",),
    ("files", 403): ("link_refused",),
    # A malformed form, or a malformed Range header.
    ("openai", 400): ("invalid_json", "bad_request"),
}  # fmt: skip


class DocumentedApp(FastAPI):
    """A FastAPI application whose OpenAPI document describes problems instead of FastAPI's validation errors."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            title="AuraAnim",
            version=VERSION,
            openapi_url="/api/openapi.json",
            docs_url=None,
            redoc_url=None,
            # A redirect would lead to the host of the request, which the client chooses.
            redirect_slashes=False,
            generate_unique_id_function=operation_id,
            **options,
        )
        self.router.routes.extend(_routes())

    def openapi(self) -> dict[str, Any]:
        """The document, cached because building it takes tens of milliseconds."""
        if self.openapi_schema is None:
            self.openapi_schema = build_document(self)
        return self.openapi_schema


@functools.cache
def _routes() -> list[BaseRoute]:
    """The routes of every router, analyzed once per process: it takes a tenth of a second."""
    router = APIRouter(generate_unique_id_function=operation_id)
    for each in ROUTERS:
        router.include_router(each)
    return router.routes


def operation_id(route: APIRoute) -> str:
    """`jobs_cancel`: unique, and stable while the path changes."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def build_document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes, description=DESCRIPTION)
    schemas = document["components"]["schemas"]
    # FastAPI's own errors, and an enum that the routes describe inline.
    for name in ("HTTPValidationError", "ValidationError", "Status"):
        schemas.pop(name, None)
    problem = ProblemBody.model_json_schema(ref_template=REFERENCE)
    schemas |= problem.pop("$defs", {}) | {"ProblemBody": problem}
    for name, example in EXAMPLES.items():
        if name in schemas:
            schemas[name].setdefault("examples", [example])
    titles = titles_of_codes()
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        name_codes(operation, titles)
        document_problems(operation)
        for status, response in operation["responses"].items():
            if MEDIA_TYPE in response.get("content", {}):
                document_codes(int(status), response, titles)
    document["components"]["examples"] = {
        f"{status}_{code}": {"value": {"type": "about:blank", "title": title, "status": status, "code": code}}
        for (status, code), title in titles.items()
    }
    return document


def name_codes(operation: dict[str, Any], titles: Iterable[tuple[int, str]]) -> None:
    """Name the codes of responses that the route gave by status only: those of its tag, otherwise all of the status."""
    (tag, *_) = operation.get("tags", [""])
    # With a caller, 401 has the same codes everywhere.
    for (of, status), codes in TAG_CODES.items():
        if of == tag and str(status) in operation["responses"]:
            operation["responses"][str(status)].setdefault(CODES, codes)
    for status in (403, 409) if operation.get("security") else (401, 403, 409):
        response = operation["responses"].get(str(status), {CODES: ()})
        if CODES not in response:
            response[CODES] = [code for of, code in titles if of == status]


def document_problems(operation: dict[str, Any]) -> None:
    """Add the problems that every operation, or every operation with a body or a caller, can be answered with."""
    responses = operation["responses"]
    if "422" in responses and CODES not in responses["422"]:
        responses["422"] = documented(422)[422]
    everywhere: list[int | type[Problem]] = [*EVERYWHERE, *(WITH_BODY if "requestBody" in operation else ())]
    if caller := operation.get("security"):
        scopes = [scope for scheme in caller for scopes in scheme.values() for scope in scopes]
        everywhere += [401, ScopeRequired if scopes else SessionRequired]
    for status, response in documented(*everywhere).items():
        merged = responses.setdefault(str(status), response)
        if merged is not response and (codes := response.get(CODES)):
            merged[CODES] = [*merged.get(CODES, ()), *codes]
    operation["responses"] = dict(sorted(responses.items()))


def document_codes(status: int, response: dict[str, Any], titles: Iterable[tuple[int, str]]) -> None:
    """List the codes of a problem, with a reference to the example of each."""
    codes = [*COMMON_CODES.get(status, ()), *response.pop(CODES, ())]
    names = dict.fromkeys(codes) or [code for of, code in titles if of == status]
    schema = {"$ref": REFERENCE.format(model="ProblemBody"), "properties": {"code": {"enum": list(names)}}}
    examples = {code: {"$ref": f"#/components/examples/{status}_{code}"} for code in names}
    response["description"] = f"{reason_phrase(status)}: {', '.join(f'`{code}`' for code in names)}"
    response["content"] = {MEDIA_TYPE: {"schema": schema, "examples": examples}}


def titles_of_codes() -> dict[tuple[int, str], str]:
    """The title of each problem by status and code."""
    titles: dict[tuple[int, str], str] = {}
    classes: list[type[Problem] | type[AuraError]] = [Problem, *DB_ERROR_STATUSES]
    while classes:
        error = classes.pop()
        classes += error.__subclasses__()
        titles[status_of(error), error.code] = (error.__doc__ or "").split("\n")[0]
    bad_request = {(400, "bad_request"): reason_phrase(400)}
    return titles | bad_request | {(status, code): title for status, (code, title) in FRAMEWORK_PROBLEMS.items()}


def main() -> None:
    json.dump(DocumentedApp().openapi(), sys.stdout, indent=2)


if __name__ == "__main__":
    main()
