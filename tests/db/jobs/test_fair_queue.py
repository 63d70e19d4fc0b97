"""The fair order: the head job of each user, fewest running jobs first, then priority, then the longest wait."""

import asyncio
import statistics
import time
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Life


async def order(life: Life, cap: int = 100) -> list[UUID]:
    """The jobs in the order in which they start if none ends."""
    started = []
    while lease := await life.claim(cap=cap):
        started.append(lease.job_id)
    return started


async def test_users_alternate(life: Life, make_user: MakeUser) -> None:
    flood = [(await life.queued()).id for _ in range(5)]
    other = await make_user()
    few = [(await life.queued(other)).id for _ in range(2)]
    assert await order(life) == [flood[0], few[0], flood[1], few[1], *flood[2:]]


async def test_fewest_running_come_first(life: Life, make_user: MakeUser) -> None:
    await life.running()
    mine, theirs = await life.queued(priority=5), await life.queued(await make_user())
    assert await order(life) == [theirs.id, mine.id]


async def test_priority_comes_before_age(life: Life, make_user: MakeUser) -> None:
    old, young = await life.queued(await make_user()), await life.queued(await make_user(), priority=1)
    assert await order(life) == [young.id, old.id]


async def test_age_decides_between_equals_by_the_clock_of_the_database(life: Life, make_user: MakeUser) -> None:
    first, second = await life.queued(await make_user()), await life.queued(await make_user())
    await life.change(first.id, "created_at = created_at + interval '1 minute'")
    assert await order(life) == [second.id, first.id]


async def test_priority_and_age_order_the_jobs_of_one_user(life: Life) -> None:
    low, high, late = await life.queued(), await life.queued(priority=1), await life.queued()
    assert await order(life) == [high.id, low.id, late.id]


async def test_the_cap_per_user(life: Life, make_user: MakeUser) -> None:
    mine = [(await life.queued()).id for _ in range(4)]
    theirs = await life.queued(await make_user())
    assert await order(life, cap=2) == [mine[0], theirs.id, mine[1]]
    assert await life.claim(cap=2) is None


async def test_a_flood_does_not_delay_other_users(life: Life, make_user: MakeUser, sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO jobs (id, owner_id, spec) SELECT gen_random_uuid(), :id, '{}' FROM generate_series(1, :n)"
            ),
            {"id": life.owner, "n": 1000},
        )
    others = {(await life.queued(await make_user())).id for _ in range(20)}
    first = [lease.job_id for _ in range(21) if (lease := await life.claim())]
    assert others <= set(first)


async def test_a_flood_of_short_jobs_does_not_delay_other_users(life: Life, make_user: MakeUser) -> None:
    """The user of the flood never has a running job at the time of a claim, and has the oldest jobs."""
    for _ in range(25):
        await life.queued()
    await life.run_next()
    others = {(await life.queued(await make_user())).id for _ in range(20)}
    assert others <= {await life.run_next() for _ in range(21)}


async def test_newcomers_do_not_overtake_waiting_users(life: Life, make_user: MakeUser) -> None:
    """The wait of a user that was served before begins with the new job, so it cannot be overtaken for ever."""
    await life.queued()
    await life.run_next()
    mine, theirs = await life.queued(), await life.queued(await make_user())
    assert await order(life) == [mine.id, theirs.id]


async def test_a_job_takes_its_place_when_its_pause_has_ended(life: Life, make_user: MakeUser) -> None:
    paused, other = await life.queued(priority=5), await life.queued(await make_user())
    await life.change(paused.id, "available_at = clock_timestamp() + interval '50 ms'")
    await asyncio.sleep(0.06)
    assert await order(life) == [paused.id, other.id]


async def test_a_paused_job_does_not_delay_the_next_of_its_user(life: Life) -> None:
    first, second = await life.queued(), await life.queued()
    await life.change(first.id, "available_at = clock_timestamp() + interval '1 hour'")
    assert await order(life) == [second.id]
    await life.available(first.id)
    assert await order(life) == [first.id]


async def test_a_claim_reads_head_jobs_only(life: Life, sessions: Sessions, owner_engine: AsyncEngine) -> None:
    """With 500 users, a hundred times as many waiting and ended jobs hardly change the duration of a claim."""
    few = await _claim_seconds(life, sessions, owner_engine, jobs_per_user=2)
    many = await _claim_seconds(life, sessions, owner_engine, jobs_per_user=200)
    assert many < 5 * few


async def _claim_seconds(
    life: Life, sessions: Sessions, owner_engine: AsyncEngine, *, jobs_per_user: int, users: int = 500
) -> float:
    """The first decile of 60 claims: autovacuum and other work on the machine delay single ones."""
    async with sessions() as session, session.begin():
        await session.execute(text("DELETE FROM jobs"))
        await session.execute(text("DELETE FROM users"))
        await session.execute(
            text(
                "INSERT INTO users (id, email, password_hash) "
                "SELECT gen_random_uuid(), n || '@example.com', 'x' FROM generate_series(1, :users) n"
            ),
            {"users": users},
        )
        for extra in ("'queued', NULL, NULL, NULL", "'succeeded', now(), now(), '{}'::jsonb"):
            await session.execute(
                text(
                    "INSERT INTO jobs (id, owner_id, spec, status, started_at, finished_at, resolved) "
                    f"SELECT gen_random_uuid(), id, '{{}}', {extra} FROM users CROSS JOIN generate_series(1, :n)"
                ),
                {"n": jobs_per_user},
            )
    async with owner_engine.connect() as connection:
        # Without the rows that the statements above made and deleted.
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text("VACUUM (ANALYZE) jobs, turns"))
    times = []
    for _ in range(60):
        began = time.perf_counter()
        assert await life.claim() is not None
        times.append(time.perf_counter() - began)
    return statistics.quantiles(times, n=10)[0]
