"""The plans of what administrators read: no table is read whole, and no count reads more rows than its limit."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from db import dispatchers
from db.jobs import failures, figures
from tests.conftest import Sessions

USERS: Final = 5_000
LIMIT: Final = 100
NOT_IN_ORDER: Final = figures.IN_ORDER.replace("off", "on")
ENDED: Final = [str(status) for status in figures.ENDED]
PLACE: Final = {"after_at": datetime.now(UTC), "after_id": UUID(int=2**128 - 1)}
STATEMENTS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "queue": (figures.QUEUE, {}),
    "hours": (figures.PER_HOUR, {"hours": 24, "states": ENDED}),
    "medians": (figures.MEDIANS, {"hours": 24}),
    "held": (dispatchers.HELD, {}),
    "failures": (failures.failed_jobs(coded=False, behind=False), {}),
    "failures behind": (failures.failed_jobs(coded=False, behind=True), PLACE),
    "failures of a code": (failures.failed_jobs(coded=True, behind=False), {"code": "rare"}),
    "failures of a code behind": (failures.failed_jobs(coded=True, behind=True), {"code": "frequent", **PLACE}),
    "codes": (failures.CODES, {}),
}
# Per user: a waiting, a running and a paused job, some that succeeded within a day, one that failed, one canceled.
ENDED_JOBS: Final = """
    INSERT INTO jobs (
        id, owner_id, spec, status, attempt, started_at, finished_at, resolved, error, cancel_requested_at)
    SELECT uuidv7(), users.id, '{}', status, 1, now(), now() - random() * interval '30 hours',
        CASE status WHEN 'succeeded' THEN '{}'::jsonb END,
        CASE status WHEN 'failed' THEN jsonb_build_object(
            'code', CASE WHEN random() < 0.01 THEN 'rare' ELSE 'frequent' END) END,
        CASE status WHEN 'canceled' THEN now() END
    FROM users CROSS JOIN unnest(ARRAY['succeeded', 'succeeded', 'succeeded', 'failed', 'canceled']) AS status
"""
CROWD: Final = (
    "INSERT INTO users (id, email, password_hash) "
    f"SELECT uuidv7(), n || '@example.com', 'x' FROM generate_series(1, {USERS}) AS n",
    "ALTER TABLE jobs DISABLE TRIGGER USER",
    "INSERT INTO jobs (id, owner_id, spec) SELECT uuidv7(), id, '{}' FROM users",
    "INSERT INTO jobs (id, owner_id, spec, status, attempt, started_at, lease_owner, lease_expires_at) "
    "SELECT uuidv7(), id, '{}', 'running', 1, now(), 'w', now() FROM users",
    ENDED_JOBS,
    "INSERT INTO turns (owner_id, queued, running, head_id, head_priority, waits_since) "
    "SELECT owner_id, 1, 1, id, priority, created_at FROM jobs WHERE status = 'queued'",
    "UPDATE turns SET wakes_at = now() + interval '1 hour'",
    "ALTER TABLE jobs ENABLE TRIGGER USER",
    "VACUUM ANALYZE users, jobs, turns",
)


@pytest.fixture
async def crowd(owner_engine: AsyncEngine) -> AsyncIterator[None]:
    async with owner_engine.connect() as connection:
        apart = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in CROWD:
            await apart.execute(text(statement))
        yield
        await apart.execute(text("TRUNCATE users, turns CASCADE"))


async def explain(session: AsyncSession, statement: str, values: dict[str, Any], limit: int) -> str:
    in_order = statement in (figures.QUEUE, figures.PER_HOUR, figures.MEDIANS)
    await session.execute(text(figures.IN_ORDER if in_order else NOT_IN_ORDER))
    lines = await session.scalars(text(f"EXPLAIN (ANALYZE, TIMING OFF) {statement}"), {**values, "limit": limit})
    return "\n".join(lines)


def rows_read(plan: str) -> float:
    """The most rows that one execution of a node returned or removed."""
    counts = re.findall(r"actual rows=([\d.]+)|Rows Removed by \w+: ([\d.]+)", plan)
    return max(float(returned or removed) for returned, removed in counts)


async def test_no_table_is_read_whole(crowd: None, sessions: Sessions) -> None:
    """With the limits of the gateway, which are as large as this crowd, and with small ones, which no node exceeds."""
    async with sessions() as session:
        for limit in (figures.MAX_COUNT + 1, LIMIT):
            plans = {name: await explain(session, *of, limit) for name, of in STATEMENTS.items()}
            read_whole = {name: plan for name, plan in plans.items() if re.search(r"Seq Scan on (jobs|turns)", plan)}
            assert read_whole == {}
    too_many = {name: plan for name, plan in plans.items() if rows_read(plan) > LIMIT}
    assert too_many == {}


async def test_plans_for_any_values_read_no_table_whole(crowd: None, sessions: Sessions) -> None:
    """The driver caches prepared statements, for which PostgreSQL may make a plan without knowing the values."""
    async with sessions() as session:
        await session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        plans = {name: await explain(session, *of, LIMIT) for name, of in STATEMENTS.items()}
    assert {name: plan for name, plan in plans.items() if re.search(r"Seq Scan on (jobs|turns)", plan)} == {}
    assert {name: plan for name, plan in plans.items() if rows_read(plan) > LIMIT} == {}
