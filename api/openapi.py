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


class DocumentedApp(FastAPI):
    """A FastAPI application whose OpenAPI document describes problems instead of FastAPI's validation errors."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            title="AuraAnim",
            version=VERSION,
            openapi_url="/api/openapi.json",
            docs_url=None,
            redoc_url=None,
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
    document = get_openapi(title=app.title, version=app.version, routes=app.routes, description="Text to video.")
    schemas = document["components"]["schemas"]
    # FastAPI's own errors, and an enum that the routes describe inline.
    for name in ("HTTPValidationError", "ValidationError", "Status"):
        schemas.pop(name, None)
    problem = ProblemBody.model_json_schema(ref_template=REFERENCE)
    schemas |= problem.pop("$defs", {}) | {"ProblemBody": problem}
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        if "422" in operation["responses"]:
            operation["responses"]["422"] = documented(422)[422]
    return document


def main() -> None:
    json.dump(DocumentedApp().openapi(), sys.stdout, indent=2)


if __name__ == "__main__":
    main()
