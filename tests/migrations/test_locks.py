"""Migrations that change several tables, while dispatchers of the release before publish without a pause."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from db import migrate
from db.settings import plain_url
from tests.migrations.conftest import MakeDatabase, working
from tests.migrations.test_videos import PUBLISH

PROCESSES = 4
RUNNING = 3000
FILL = f"""
    INSERT INTO users (id, email, password_hash)
    SELECT gen_random_uuid(), n || '@example.org', 'x' FROM generate_series(1, {PROCESSES}) n;
    INSERT INTO jobs (id, owner_id, spec, status, attempt, lease_owner, lease_expires_at, started_at)
    SELECT gen_random_uuid(), users.id, '{{}}', 'running', 1, 'w', now() + interval '1 min', now()
    FROM users, generate_series(1, {RUNNING});
    INSERT INTO attempts (job_id, attempt, lease_owner) SELECT id, 1, 'w' FROM jobs;
"""


@pytest.mark.parametrize(("before", "after"), [("0005", "0006"), ("0007", "0008"), ("0008", "0009"), ("0009", "0010")])
async def test_publishing_during_a_migration_ends_in_no_deadlock(
    database_at: MakeDatabase, before: str, after: str
) -> None:
    url = await database_at(before, FILL)
    connection = await asyncpg.connect(plain_url(url))
    running: dict[UUID, list[UUID]] = {}
    for row in await connection.fetch("SELECT id, owner_id FROM jobs"):
        running.setdefault(row["owner_id"], []).append(row["id"])

    async def publish(connection: asyncpg.Connection, owner: UUID, _: int) -> tuple[UUID, bool]:
        job_id = running[owner].pop()
        await connection.execute(PUBLISH, job_id)
        return job_id, False

    async with working(url, publish, PROCESSES) as old:
        await asyncio.to_thread(migrate.upgrade, url, after)
    assert await connection.fetchval("SELECT count(*) FROM videos") == len(old.done) > 10
    await connection.close()
