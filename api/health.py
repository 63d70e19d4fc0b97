"""Liveness and readiness of the gateway, for load balancers and orchestrators."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from api.dependencies import Gateway, GatewayDep
from api.problems import ServiceUnavailable, documented
from db.engine import ping
from db.errors import DATABASE_ERRORS, AuraError
from db.migrate import is_current

CHECK_SECONDS = 3

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class HealthReport(Health):
    checks: dict[str, str]


class NotMigrated(AuraError):
    """The database schema is not at the newest migration."""


async def run_check(check: Awaitable[object]) -> str:
    """`ok`, or the class name of the error. Its message is withheld because it may name internal hosts."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check
    except (*DATABASE_ERRORS, AuraError) as error:
        return type(error).__name__
    return "ok"


async def require_migrations(gateway: Gateway) -> None:
    if not await is_current(gateway.engine):
        raise NotMigrated


def report(checks: dict[str, str]) -> HealthReport:
    if any(outcome != "ok" for outcome in checks.values()):
        raise ServiceUnavailable(retry_after=2, checks=checks)
    return HealthReport(checks=checks)


@router.get("/healthz")
async def healthz() -> Health:
    """The process is alive."""
    return Health()


class Shared:
    """Runs each report at most once at a time: requests that arrive meanwhile are answered with the same outcome.

    The probes need no token, and each check takes a database connection or a thread.
    """

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[dict[str, str]]] = {}

    async def run(self, name: str, checks: Callable[[], Coroutine[Any, Any, dict[str, str]]]) -> dict[str, str]:
        task = self._running.get(name)
        if task is None or task.done():
            task = self._running[name] = asyncio.create_task(checks())
        return await asyncio.shield(task)


def get_shared(request: Request) -> Shared:
    shared: Shared = request.app.state.health
    return shared


SharedDep = Annotated[Shared, Depends(get_shared)]


@router.get("/test", responses=documented(503))
async def test(gateway: GatewayDep, shared: SharedDep) -> HealthReport:
    """The process is alive and the database is reachable."""

    async def checks() -> dict[str, str]:
        return {"database": await run_check(ping(gateway.engine))}

    return report(await shared.run("test", checks))


@router.get("/readyz", responses=documented(503))
async def readyz(gateway: GatewayDep, shared: SharedDep) -> HealthReport:
    """The database has the newest migrations and the object store is reachable."""

    async def checks() -> dict[str, str]:
        return {
            "database": await run_check(ping(gateway.engine)),
            "migrations": await run_check(require_migrations(gateway)),
            "storage": await run_check(gateway.storage.check()),
        }

    return report(await shared.run("readyz", checks))
