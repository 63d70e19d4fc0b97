"""Migration 0006 on filled tables, while gateways and dispatchers of the release before keep working."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg

from db import migrate
from db.ids import uuid7
from db.settings import plain_url
from tests.migrations.conftest import MakeDatabase, working

JOBS = 5_000
PROCESSES = 2
# The statements of the release before.
ENQUEUE = 'INSERT INTO jobs (id, owner_id, spec) VALUES ($1, $2, \'{"prompt": "a blue square"}\')'
CLAIM = """
    UPDATE jobs SET status = 'running', attempt = 1, lease_owner = 'w', lease_expires_at = now() + interval '1 min',
        started_at = now() WHERE id = $1
"""
OPEN_ATTEMPT = "INSERT INTO attempts (job_id, attempt, lease_owner) VALUES ($1, 1, 'w')"
PUBLISH = """
    WITH moved AS (
        UPDATE jobs SET status = 'succeeded', resolved = '{}', lease_owner = NULL, lease_expires_at = NULL,
            finished_at = clock_timestamp() WHERE id = $1 RETURNING id, attempt
    ), closed AS (
        UPDATE attempts SET ended_at = clock_timestamp(), outcome = 'succeeded'
        FROM moved WHERE attempts.job_id = moved.id AND attempts.attempt = moved.attempt
    )
    INSERT INTO artifacts (id, job_id, attempt, kind, key, content_type, width, height, fps, frames, duration,
        size_bytes, sha256)
    SELECT gen_random_uuid(), id, attempt, kind, concat('jobs/', id, '/', kind), 'video/mp4', 64, 64, 8, 8, 1, 3, '0'
    FROM moved, unnest(array['video', 'poster']) AS kind
"""
READ_RESULT = """
    SELECT count(*) FROM artifacts JOIN jobs ON jobs.id = artifacts.job_id AND jobs.attempt = artifacts.attempt
    WHERE jobs.id = $1 AND jobs.status = 'succeeded' AND kind <> 'base'
"""
TRASH = "UPDATE jobs SET trashed_at = now() WHERE id = $1"
FILL = f"""
    INSERT INTO users (id, email, password_hash)
    SELECT gen_random_uuid(), n || '@example.org', 'x' FROM generate_series(0, 99) n;
    INSERT INTO jobs (id, owner_id, spec, status, attempt, started_at, finished_at, resolved, base, trashed_at)
    SELECT gen_random_uuid(), (SELECT id FROM users ORDER BY id OFFSET n % 100 LIMIT 1),
        jsonb_build_object('prompt', 'a circle ' || n), 'succeeded', 1, now() - interval '8 months',
        now() - interval '8 months' + make_interval(secs => n), '{{"seed": 7}}',
        jsonb_build_object('key', 'base ' || n), CASE WHEN n % 100 = 0 THEN now() END
    FROM generate_series(1, {JOBS}) n;
    INSERT INTO jobs (id, owner_id, spec, status, attempt, started_at, finished_at, error)
    SELECT gen_random_uuid(), (SELECT id FROM users LIMIT 1), '{{}}', 'failed', 1, now(), now(), '{{}}'
    FROM generate_series(1, 100);
    INSERT INTO attempts (job_id, attempt, lease_owner, ended_at, outcome)
    SELECT id, 1, 'w', now(), CASE status WHEN 'failed' THEN 'failed' ELSE 'succeeded' END FROM jobs;
    INSERT INTO artifacts (id, job_id, attempt, kind, key, content_type, width, height, fps, frames, duration,
        size_bytes, sha256, expires_at)
    SELECT gen_random_uuid(), jobs.id, 1, kind, concat(kind, jobs.id), CASE kind WHEN 'video' THEN 'video/webm'
        ELSE 'image/webp' END, 64, 64, 8, 8, 1, 3, '0', CASE kind WHEN 'base' THEN now() + interval '7 days' END
    FROM jobs CROSS JOIN unnest(array['video', 'poster', 'preview', 'base']) AS kind
    WHERE status = 'succeeded' OR kind = 'base';
    ANALYZE;
"""


async def run_a_job(connection: asyncpg.Connection, owner: UUID, number: int) -> tuple[UUID, bool]:
    """Submit, run and publish a job, read its result, and move every third one to the trash."""
    job_id, trashed = uuid7(), number % 3 == 0
    await connection.execute(ENQUEUE, job_id, owner)
    async with connection.transaction():
        await connection.execute(CLAIM, job_id)
        await connection.execute(OPEN_ATTEMPT, job_id)
    await connection.execute(PUBLISH, job_id)
    assert await connection.fetchval(READ_RESULT, job_id) == 2
    if trashed:
        await connection.execute(TRASH, job_id)
    return job_id, trashed


async def test_the_release_before_keeps_working_during_and_after_the_migration(database_at: MakeDatabase) -> None:
    url = await database_at("0005", FILL)
    async with working(url, run_a_job, PROCESSES) as old:
        await asyncio.to_thread(migrate.upgrade, url, "0006")
    assert old.longest < 10
    connection = await asyncpg.connect(plain_url(url))
    try:
        await check(connection, old.done)
    finally:
        await connection.close()


async def check(connection: asyncpg.Connection, published: dict[UUID, bool]) -> None:
    """Every succeeded job has its video with its objects, and is in the trash together with it."""

    async def violations(query: str) -> Any:
        return await connection.fetch(query)

    assert await connection.fetchval("SELECT count(*) FROM videos") == JOBS + len(published)
    rows = await connection.fetch("SELECT job_id, trashed_at FROM videos WHERE job_id = ANY($1)", list(published))
    assert {row["job_id"]: row["trashed_at"] is not None for row in rows} == published
    assert not await violations("""
        SELECT 1 FROM jobs LEFT JOIN videos ON videos.job_id = jobs.id WHERE (jobs.status = 'succeeded') <>
            (videos.id IS NOT NULL AND videos.owner_id = jobs.owner_id AND videos.resolved = jobs.resolved
             AND videos.prompt = jobs.spec ->> 'prompt' AND videos.trashed_at IS NOT DISTINCT FROM jobs.trashed_at
             AND videos.base IS NOT DISTINCT FROM jobs.base)""")
    assert not await violations("""
        SELECT 1 FROM artifacts LEFT JOIN videos ON videos.id = video_id
        WHERE (kind = 'base') <> (video_id IS NULL) OR videos.job_id <> artifacts.job_id""")
    assert not await violations("""
        SELECT 1 FROM videos JOIN jobs ON jobs.id = job_id
        WHERE videos.created_at <> uuid_extract_timestamp(videos.id)
            OR abs(extract(epoch FROM videos.created_at - finished_at)) > 1""")
    assert not await violations(
        "SELECT 1 FROM videos WHERE format <> CASE prompt WHEN 'a blue square' THEN 'mp4' ELSE 'webm' END"
    )
    assert (
        await connection.fetchval("SELECT count(*) FROM videos WHERE words @@ to_tsquery('simple', 'circle')") == JOBS
    )
