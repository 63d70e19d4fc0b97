"""The gateway's OpenAPI document: `python -m api.openapi` prints it."""

import json
import sys
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import ProblemBody, documented

REFERENCE = "#/components/schemas/{model}"


def document(app: FastAPI) -> dict[str, Any]:
    """As FastAPI makes it, with problems in place of its own validation errors."""
    made = get_openapi(title=app.title, version=app.version, routes=app.routes, description="Text to video.")
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = ProblemBody.model_json_schema(ref_template=REFERENCE)
    schemas |= problem.pop("$defs", {}) | {"ProblemBody": problem}
    for operation in (o for path in made["paths"].values() for o in path.values()):
        if "422" in operation["responses"]:
            operation["responses"]["422"] = documented(422)[422]
    return made


def main() -> None:
    from api.app import ROUTERS

    app = FastAPI(title="AuraAnim", version="0.1.0")
    for router in ROUTERS:
        app.include_router(router)
    json.dump(document(app), sys.stdout, indent=2)


if __name__ == "__main__":
    main()
