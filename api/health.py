"""Liveness and readiness of the gateway, for load balancers and orchestrators."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter
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


@router.get("/test", responses=documented(503))
async def test(gateway: GatewayDep) -> HealthReport:
    """The process is alive and the database is reachable."""
    return report({"database": await run_check(ping(gateway.engine))})


@router.get("/readyz", responses=documented(503))
async def readyz(gateway: GatewayDep) -> HealthReport:
    """The database has the newest migrations and the object store is reachable."""
    return report(
        {
            "database": await run_check(ping(gateway.engine)),
            "migrations": await run_check(require_migrations(gateway)),
            "storage": await run_check(gateway.storage.check()),
        }
    )
