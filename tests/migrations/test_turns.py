"""Migration 0005 makes the turns of existing jobs, while dispatchers of the version before it run."""

import asyncio
from uuid import UUID, uuid4

import asyncpg

from db import engine as engines
from db import migrate
from db.settings import plain_url
from tests.db.jobs import reference
from tests.migrations.conftest import MakeDatabase

INSERT_JOB = (
    "INSERT INTO jobs (id, owner_id, spec, status, priority, attempt, lease_owner, lease_expires_at, started_at, "
    "available_at) VALUES ($1, $2, '{}', $3, $4, $5::int, $6, CASE WHEN $5::int > 0 THEN now() END, "
    "CASE WHEN $5::int > 0 THEN now() END, now() + $7::float8 * interval '1 second')"
)
# The statement with which a dispatcher of the version before starts a job.
OLD_CLAIM = (
    "UPDATE jobs SET status = 'running', attempt = attempt + 1, lease_owner = 'old', lease_expires_at = now(), "
    "started_at = clock_timestamp() WHERE id = $1"
)


async def _seed(connection: asyncpg.Connection) -> list[UUID]:
    """A user with running and waiting jobs, one with a paused job, one without jobs. The waiting jobs."""
    waiting = [uuid4() for _ in range(3)]
    users = [uuid4() for _ in range(3)]
    for user in users:
        await connection.execute(
            "INSERT INTO users (id, email, password_hash) VALUES ($1::uuid, $1::uuid || '@example.com', 'x')", user
        )
    await connection.execute(INSERT_JOB, uuid4(), users[0], "running", 0, 1, "old", 0.0)
    for priority, job in enumerate(waiting):
        await connection.execute(INSERT_JOB, job, users[0], "queued", priority, 0, None, 0.0)
    await connection.execute(INSERT_JOB, uuid4(), users[1], "queued", 0, 0, None, 3600.0)
    return waiting


async def _differences(url: str) -> set[tuple[object, ...]]:
    engine = engines.connect(url)
    try:
        async with engines.sessions(engine)() as session:
            return await reference.differences(session)
    finally:
        await engine.dispose()


async def test_existing_jobs_have_their_turns(database_at: MakeDatabase) -> None:
    old_database = await database_at("0004")
    old = await asyncpg.connect(plain_url(old_database))
    waiting = await _seed(old)
    async with old.transaction():
        await old.execute(OLD_CLAIM, waiting[2])
        upgrading = asyncio.create_task(asyncio.to_thread(migrate.upgrade, old_database))
        await asyncio.sleep(0.5)
        assert not upgrading.done()  # it waits for the writer, whose job it would miss
    await upgrading
    assert await _differences(old_database) == set()
    assert await old.fetchval("SELECT head_id FROM turns WHERE running = 2") == waiting[1]
    await old.execute(OLD_CLAIM, waiting[1])
    assert await _differences(old_database) == set()
    await old.close()
