"""Methods that a path does not have: the problem 405, whose Allow header names those that it has.

The framework would name the methods of the first route only, and would take `options` in `/api/me/passkeys/options` for
an id if another route of the same length takes one.
"""

from collections import defaultdict
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request, Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem_json
from api.routers import ROUTERS

ROUTES: tuple[BaseRoute, ...] = tuple(route for router in ROUTERS for route in router.routes)


def methods_of_literal_paths() -> Mapping[str, set[str]]:
    methods: defaultdict[str, set[str]] = defaultdict(set)
    for route in ROUTES:
        if isinstance(route, Route) and not route.param_convertors:
            methods[route.path] |= route.methods or set()
    return dict(methods)


class MethodCheck:
    """Refuses methods that a path without parameters does not have."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._methods = methods_of_literal_paths()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = self._methods.get(scope["path"]) if scope["type"] == "http" else None
        if methods is None or scope["method"] in methods:
            await self.app(scope, receive, send)
        else:
            await response(Request(scope), methods)(scope, receive, send)


async def method_not_allowed(request: Request, _: Exception) -> Response:
    """The handler for paths with parameters."""
    matching = [route for route in ROUTES if route.matches(request.scope)[0] is not Match.NONE]
    return response(request, {method for route in matching for method in getattr(route, "methods", ())})


def response(request: Request, methods: set[str]) -> Response:
    status = HTTPStatus.METHOD_NOT_ALLOWED
    return problem_json(request, status, status.name.lower(), status.phrase, {"Allow": ", ".join(sorted(methods))})
