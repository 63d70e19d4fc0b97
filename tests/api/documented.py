"""Checks that the OpenAPI document lists each problem that a test receives."""

from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.middleware import AMBIGUOUS
from api.problems import MEDIA_TYPE
from api.routers import ROUTERS

# Answered before a request is assigned to an operation (as ambiguous paths are), or for a defect.
UNASSIGNED = {405, 500}
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
_documents: list[dict[str, Any]] = []


def check_documented(app: FastAPI, response: httpx.Response) -> None:
    """AssertionError if the operation of the request does not document the status and the code of a problem."""
    if not response.headers.get("content-type", "").startswith(MEDIA_TYPE) or response.status_code in UNASSIGNED:
        return
    operation = _operation(app, response.request)
    if operation is None:
        return
    status, code = str(response.status_code), response.json()["code"]
    documented = operation["responses"].get(status, {}).get("content", {}).get(MEDIA_TYPE, {})
    codes = documented.get("schema", {}).get("properties", {}).get("code", {}).get("enum", [])
    operation_id = operation["operationId"]
    assert code in codes, f"{operation_id} answered {status} {code}: name the problem in its `responses=documented(…)`"


def _operation(app: FastAPI, request: httpx.Request) -> dict[str, Any] | None:
    if AMBIGUOUS.search(request.url.raw_path):
        return None
    scope = {"type": "http", "path": request.url.path, "method": request.method, "headers": []}
    route = next((route for route in ROUTES if route.matches(scope)[0].name == "FULL"), None)
    if route is None or not route.include_in_schema:
        return None
    if not _documents:
        _documents.append(app.openapi())
    operation: dict[str, Any] = _documents[0]["paths"][route.path_format][request.method.lower()]
    return operation
