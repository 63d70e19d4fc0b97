"""The OpenAPI document of the gateway: `python -m api.openapi` prints it."""

import json
import sys
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import ProblemBody, documented
from api.routers import ROUTERS
from pipeline.contract.version import VERSION

REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = """Text to video.

Requests that are not valid HTTP, that arrive too slowly, or whose header is too large, are answered with the problems
400, 408 and 431 before they are assigned to an operation."""
# Body too large, foreign host name, too many requests of this client, database unreachable.
EVERYWHERE = (413, 421, 429, 503)
# Invalid JSON, and a type that is not JSON.
WITH_BODY = (400, 415)


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
            **options,
        )
        for router in ROUTERS:
            self.include_router(router)

    def openapi(self) -> dict[str, Any]:
        """The document, cached because building it takes tens of milliseconds."""
        if self.openapi_schema is None:
            self.openapi_schema = build_document(self)
        return self.openapi_schema


def build_document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes, description=DESCRIPTION)
    schemas = document["components"]["schemas"]
    # FastAPI's own errors, and an enum that the routes describe inline.
    for name in ("HTTPValidationError", "ValidationError", "Status"):
        schemas.pop(name, None)
    problem = ProblemBody.model_json_schema(ref_template=REFERENCE)
    schemas |= problem.pop("$defs", {}) | {"ProblemBody": problem}
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        document_problems(operation)
    return document


def document_problems(operation: dict[str, Any]) -> None:
    """Add the problems that every operation, or every operation with a body, can be answered with."""
    responses = operation["responses"]
    if "422" in responses:
        responses["422"] = documented(422)[422]
    for status, response in documented(*(*EVERYWHERE, *(WITH_BODY if "requestBody" in operation else ()))).items():
        responses.setdefault(str(status), response)
    operation["responses"] = dict(sorted(responses.items()))


def main() -> None:
    json.dump(DocumentedApp().openapi(), sys.stdout, indent=2)


if __name__ == "__main__":
    main()
