"""Jobs that were canceled before they started are forgotten after a day."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.jobs import trash
from db.tables import Job
from tests.conftest import Sessions
from tests.db.conftest import Call, Life


async def ids(sessions: Sessions) -> set[UUID]:
    async with sessions() as session:
        return set(await session.scalars(select(Job.id)))


async def test_only_jobs_without_an_attempt_are_forgotten(life: Life, call: Call, sessions: Sessions) -> None:
    old = "finished_at = finished_at - interval '25 hours'"
    lease = await life.running()
    await life.change(lease.job_id, "cancel_requested_at = now()")
    await life.fail(lease, retry=False)  # canceled in its first attempt
    await life.change(lease.job_id, old)
    failed = await life.failed()
    await life.change(failed.job_id, old)
    forgotten = [(await life.canceled()).id for _ in range(5)]
    for job_id in forgotten:
        await life.change(job_id, old)
    await life.change(forgotten[0], "trashed_at = now()")
    kept = {(await life.queued()).id, (await life.canceled()).id}
    assert [await call(trash.purge_never_started, limit=3) for _ in range(3)] == [3, 2, 0]
    assert await ids(sessions) == kept | {lease.job_id, failed.job_id}


async def test_the_search_uses_its_index(owner: UUID, owner_engine: AsyncEngine) -> None:
    """Among many jobs that were canceled after their start."""
    async with owner_engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO jobs (id, owner_id, spec, status, attempt, started_at, finished_at, cancel_requested_at) "
                "SELECT gen_random_uuid(), :owner, '{}', 'canceled', 1, day, day, day "
                "FROM generate_series(1, 2000), LATERAL (SELECT now() - interval '2 days' AS day) AS ended"
            ),
            {"owner": owner},
        )
        await connection.execute(text("ANALYZE jobs"))
        plan = """EXPLAIN SELECT id FROM jobs
            WHERE status = 'canceled' AND attempt = 0 AND finished_at < now() - interval '1 day' LIMIT 1000"""
        found = " ".join(row[0] for row in await connection.execute(text(plan)))
    assert "ix_jobs_never_started" in found
