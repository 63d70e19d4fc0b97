"""Who is next: the head job of each user, fewest running first, then priority, then age."""

from uuid import UUID

from sqlalchemy import text

from db import fair, jobs
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Call, Life


async def order(life: Life, cap: int = 100) -> list[UUID]:
    """The jobs in the order in which they start when none ever ends."""
    started = []
    while lease := await life.claim(cap=cap):
        started.append(lease.job_id)
    return started


async def test_users_take_turns(life: Life, make_user: MakeUser) -> None:
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


async def test_age_decides_between_equals_on_the_databases_clock(life: Life, make_user: MakeUser) -> None:
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


async def test_a_flood_holds_nobody_up(life: Life, make_user: MakeUser, sessions: Sessions) -> None:
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


async def test_positions_are_the_order_of_the_starts(life: Life, make_user: MakeUser, call: Call) -> None:
    owners = [life.owner, await make_user(), await make_user()]
    await life.running(owner=owners[1])
    queued = [await life.queued(owner, priority=n % 3) for n, owner in enumerate([*owners, *owners, owners[0]])]
    positions = {job.id: await call(jobs.queue_position, job) for job in queued}
    together = [await call(jobs.queue_positions, owner) for owner in owners]
    assert {job_id: place for places in together for job_id, place in places.items()} == positions
    assert sorted(positions, key=lambda job_id: positions[job_id]) == await order(life)
    assert sorted(positions.values()) == list(range(1, 8))


async def test_only_waiting_jobs_have_a_position(life: Life, call: Call) -> None:
    lease = await life.running()
    assert await call(jobs.queue_position, await life.seen(lease.job_id)) is None
    assert await call(jobs.queue_positions, life.owner) == {}


async def test_the_fair_order_walks_the_small_indexes(sessions: Sessions) -> None:
    """A full scan of the jobs would make every claim slower with every job ever made."""
    async with sessions() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        for sql in (fair.POSITIONS, fair.NEXT.split(", next AS")[0] + " SELECT * FROM heads"):
            for name, predicate in fair.NEXT_GUARDS.items():
                sql = sql.replace(f"<{name}>", predicate)
            values = {"owner_id": UUID(int=1), "job_id": None, "running_per_user": 2}
            plan = "\n".join(await session.scalars(text(f"EXPLAIN {sql}"), values))
            assert "ix_jobs_queued" in plan
            assert "ix_jobs_running" in plan
            assert "Seq Scan on jobs" not in plan
