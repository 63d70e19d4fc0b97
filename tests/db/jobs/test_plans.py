"""The plans of the statements that run often: none reads a whole table, and a claim reads the same in any crowd."""

import re
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from db.direct import Statement
from db.jobs import fair_queue, positions, queries, quotas, transitions
from tests.conftest import Sessions

VALUES: Final[dict[str, Any]] = {
    "owner": "w1", "running_per_user": 2, "lease_seconds": 30.0, "unless_due": True, "job_id": UUID(int=1),
    "attempt": 1, "owner_id": UUID(int=1), "owner_ids": [UUID(int=1)], "users": 100, "starts": 500, "room": 1.0,
    "progress": "{}", "eta_seconds": 1.0, "preview_key": None, "base": "{}", "resolved": "{}", "warnings": "[]",
    "artifacts": "[]", "video": "{}",
    "error": "{}", "retry": True, "reduced": False, "max_failures": 3, "max_losses": 3, "limit": 100,
    "first_pause_seconds": 1.0, "max_pause_seconds": 60.0,
}  # fmt: skip
STATEMENTS: Final = {
    **{name: getattr(transitions, name) for name in
       ("CLAIM", "BEAT", "PROGRESS", "KEEP_BASE", "PUBLISH", "FAIL", "GIVE_BACK", "CANCEL", "RESCUE")},
    "WAKE": fair_queue.WAKE, "WAIT_FOR_TURN": fair_queue.WAIT_FOR_TURN, "POSITIONS": positions.POSITIONS,
    "REQUEST_CANCEL": queries.CANCEL, "SECONDS_UNTIL_ROOM": quotas._SECONDS_UNTIL_ROOM,
}  # fmt: skip


async def explain(session: AsyncSession, sql: str, options: str = "COSTS OFF") -> str:
    names = set(re.findall(r"(?<!:):([a-z_]+)\b", sql))
    values = {name: VALUES[name] for name in names}
    return "\n".join(await session.scalars(text(f"EXPLAIN ({options}) {sql}"), values))


async def make_crowd(owner_engine: AsyncEngine, users: int) -> None:
    """So many users with one waiting job and some ended jobs each. Without triggers, to be quick."""
    async with owner_engine.connect() as connection:
        apart = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in (
            "DELETE FROM users",
            "INSERT INTO users (id, email, password_hash) "
            f"SELECT uuidv7(), n || '@example.com', 'x' FROM generate_series(1, {users}) AS n",
            "ALTER TABLE jobs DISABLE TRIGGER USER",
            "INSERT INTO jobs (id, owner_id, spec) SELECT uuidv7(), id, '{}' FROM users",
            "INSERT INTO jobs (id, owner_id, spec, status, attempt, started_at, finished_at, resolved) "
            "SELECT uuidv7(), id, '{}', 'succeeded', 1, now(), now(), '{}' FROM users CROSS JOIN generate_series(1, 2)",
            "INSERT INTO turns (owner_id, queued, head_id, head_priority, waits_since) "
            "SELECT owner_id, 1, id, priority, created_at FROM jobs WHERE status = 'queued'",
            "ALTER TABLE jobs ENABLE TRIGGER USER",
            "INSERT INTO attempts (job_id, attempt, lease_owner, ended_at, outcome) "
            "SELECT id, 1, 'w', now(), 'succeeded' FROM jobs WHERE status = 'succeeded'",
            "INSERT INTO videos (id, owner_id, job_id, prompt, format, width, height, fps, frames, duration, spec, "
            "resolved) SELECT uuidv7(), owner_id, id, '', 'mp4', 64, 64, 8, 8, 1, '{}', '{}' FROM jobs "
            "WHERE status = 'succeeded'",
            "VACUUM ANALYZE users, jobs, turns, attempts, videos",
        ):
            await apart.execute(text(statement))


@pytest.fixture(autouse=True)
async def empty_afterwards(owner_engine: AsyncEngine) -> AsyncIterator[None]:
    """TRUNCATE deletes a crowd much faster than the DELETE before the next test."""
    yield
    async with owner_engine.begin() as connection:
        await connection.execute(text("TRUNCATE users, turns CASCADE"))


async def test_no_statement_reads_a_whole_table(sessions: Sessions, owner_engine: AsyncEngine) -> None:
    await make_crowd(owner_engine, users=10_000)
    async with sessions() as session:
        plans = {name: await explain(session, sql) for name, sql in STATEMENTS.items()}
    read_whole = {name: re.findall(r"Seq Scan on (?:jobs|turns|attempts|videos)", plan) for name, plan in plans.items()}
    assert {name: tables for name, tables in read_whole.items() if tables} == {}


async def test_a_claim_reads_the_first_turn(sessions: Sessions) -> None:
    """The index has the order, so nothing is sorted, and LIMIT stops at the first row that is not locked."""
    async with sessions() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        await session.execute(text("SET LOCAL enable_bitmapscan = off"))
        for sql in (transitions.CLAIM, fair_queue.WAIT_FOR_TURN):
            plan = await explain(session, sql)
            assert "Index Scan using ix_turns_order" in plan
            assert "Sort" not in plan


async def test_a_claim_reads_the_same_in_any_crowd(sessions: Sessions, owner_engine: AsyncEngine) -> None:
    few, many = [await _pages_of_a_claim(sessions, owner_engine, users) for users in (30, 10_000)]
    assert many <= 1.5 * few, f"pages that a claim reads: {few}, {many}"


async def _pages_of_a_claim(sessions: Sessions, owner_engine: AsyncEngine, users: int) -> int:
    """The pages that the tenth claim of a connection reads, with the plan for any values that is cached by then."""
    await make_crowd(owner_engine, users)
    claim = Statement.of(transitions.CLAIM)
    values = {"owner": "'w'", "running_per_user": "2", "lease_seconds": "30.0", "unless_due": "true"}
    types = {"owner": "text", "running_per_user": "integer", "lease_seconds": "float8", "unless_due": "boolean"}
    async with sessions() as session, session.begin():
        await session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        await session.execute(text(f"PREPARE claim({', '.join(types[name] for name in claim.names)}) AS {claim.sql}"))
        execute = f"EXECUTE claim({', '.join(values[name] for name in claim.names)})"
        for _ in range(10):
            plan = list(await session.scalars(text(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {execute}")))
        await session.execute(text("DEALLOCATE claim"))
    return int(re.findall(r"Buffers: shared hit=(\d+)", "\n".join(plan))[0])
