"""Whether this process, and what it needs, works."""

import asyncio
from collections.abc import Awaitable
from functools import cache
from typing import Literal

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.edge import Gateway, Parts
from api.problems import Unavailable, documented
from db import migrate
from db.errors import AuraError

PROBE_SECONDS = 3

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class Report(Health):
    checks: dict[str, str]


async def probe(check: Awaitable[object]) -> str:
    """`ok`, or what is wrong in a word; the whole story may name hosts and is for the log."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await check
    except (SQLAlchemyError, AuraError, OSError) as error:  # a timeout is an OSError too
        return type(error).__name__
    return "ok"


async def database(parts: Gateway) -> None:
    async with parts.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


class NotMigrated(AuraError):
    """The database has not the tables of this version."""


@cache
def newest(url: str) -> set[str]:
    return set(ScriptDirectory.from_config(migrate.config(url)).get_heads())


async def migrations(parts: Gateway) -> None:
    async with parts.engine.connect() as connection:
        there = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
    if set(there) != newest(parts.settings.DATABASE_URL):
        raise NotMigrated


def report(checks: dict[str, str]) -> Report:
    if any(outcome != "ok" for outcome in checks.values()):
        raise Unavailable(retry_after=2, checks=checks)
    return Report(checks=checks)


@router.get("/healthz")
async def healthz() -> Health:
    """The process answers."""
    return Health()


@router.get("/test", responses=documented(503))
async def test(parts: Parts) -> Report:
    """The process answers, and so does the database."""
    return report({"database": await probe(database(parts))})


@router.get("/readyz", responses=documented(503))
async def readyz(parts: Parts) -> Report:
    """Ready for requests: the database has the newest tables, and the object store answers."""
    return report(
        {
            "database": await probe(database(parts)),
            "migrations": await probe(migrations(parts)),
            "storage": await probe(parts.storage.check()),
        }
    )
