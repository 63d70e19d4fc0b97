"""The places of waiting jobs: exact for a short line, estimated from a shared snapshot for a crowd."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from db.jobs import positions
from db.tables import Job
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Call, Life
from tests.db.jobs.test_fair_queue import order


async def test_positions_are_the_order_of_the_starts(life: Life, make_user: MakeUser, call: Call) -> None:
    owners = [life.owner, await make_user(), await make_user()]
    await life.running(owner=owners[1])
    queued = [await life.queued(owner, priority=n % 3) for n, owner in enumerate([*owners, *owners, owners[0]])]
    places = {job.id: await call(positions.queue_position, job) for job in queued}
    together = await call(positions.queue_positions, owners)
    assert {job_id: place for own in together.values() for job_id, place in own.items()} == places
    assert sorted(places, key=lambda job_id: places[job_id]) == await order(life)
    assert sorted(places.values()) == list(range(1, 8))


async def test_positions_consider_the_last_start_of_each_user(life: Life, make_user: MakeUser, call: Call) -> None:
    mine = [(await life.queued()).id for _ in range(4)]
    other = await make_user()
    theirs = [(await life.queued(other)).id for _ in range(2)]
    assert await life.run_next() == mine[0]
    expected = [theirs[0], mine[1], theirs[1], mine[2], mine[3]]
    places = [await call(positions.queue_position, await life.seen(job_id)) for job_id in expected]
    assert places == [1, 2, 3, 4, 5]
    assert await order(life) == expected


async def test_only_waiting_jobs_have_a_position(life: Life, call: Call) -> None:
    lease = await life.running()
    assert await call(positions.queue_position, await life.seen(lease.job_id)) is None
    assert await call(positions.queue_positions, [life.owner]) == {life.owner: {}}


async def test_paused_jobs_have_their_place(life: Life, make_user: MakeUser, call: Call) -> None:
    paused, other = await life.queued(), await life.queued(await make_user())
    await life.change(paused.id, "available_at = now() + interval '1 hour'")
    assert [await call(positions.queue_position, job) for job in (paused, other)] == [1, 2]


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line counts as a crowd."""
    monkeypatch.setattr(positions, "EXACT_USERS", 0)


async def _crowd(life: Life, make_user: MakeUser, users: int, jobs_each: int) -> list[Job]:
    owners = [await make_user() for _ in range(users)]
    return [await life.queued(owner) for _ in range(jobs_each) for owner in owners]


@pytest.mark.usefixtures("crowded")
async def test_the_estimate_of_equal_users_is_exact(life: Life, make_user: MakeUser, call: Call) -> None:
    await life.running()
    jobs = [*await _crowd(life, make_user, users=6, jobs_each=3), await life.queued()]
    estimated = {job.id: await call(positions.queue_position, job) for job in jobs}
    started = await order(life)
    off = {job_id: abs(estimated[job_id] - started.index(job_id) - 1) for job_id in estimated}
    assert sum(off.values()) <= len(jobs) / 4
    assert {job.id: off[job.id] for job in jobs[:6]} == {job.id: 0 for job in jobs[:6]}


@pytest.mark.usefixtures("crowded")
async def test_one_snapshot_is_shared_and_read_again_after_a_while(
    life: Life, make_user: MakeUser, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = await _crowd(life, make_user, users=2, jobs_each=1)

    async def place(job: Job) -> int | None:
        async with sessions() as session:
            return await positions.queue_position(session, job)

    monkeypatch.setattr(positions, "REFRESH_SECONDS", 60.0)
    assert [await place(first), await place(last)] == [1, 2]
    lease = await life.claim()
    assert lease is not None
    assert lease.job_id == first.id
    assert await place(last) == 2
    async with sessions() as session:
        session.info[positions.SHARED_LINE]._due_at = 0.0
    assert await place(last) == 1


def _line(users: int) -> positions.Line:
    heads = [positions._Key(0, 0, number, UUID(int=number)) for number in range(users)]
    kept = [n for n in range(users) if n < 100 or (n + 1) % max(1, users // 1000) == 0]
    return positions.Line({(0, 1): users}, [heads[n] for n in kept], [n + 1 for n in kept])


@pytest.mark.parametrize("users", [150, 2_000, 200_000])
def test_an_estimate_is_exact_at_the_front_and_within_a_thousandth_behind(users: int) -> None:
    line = _line(users)
    for place in (0, 1, 50, 99, users // 2, users - 1):
        row = _Row(running=0, place=1, head_priority=0, waits_since=place, head_id=UUID(int=place))
        assert abs(line.position(row) - place - 1) <= (0 if place < 100 else users / 1000)


class _Row:
    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)


async def test_the_snapshot_of_an_empty_line(sessions: Sessions) -> None:
    async with sessions() as session:
        assert await positions.read_line(session) == positions.Line({}, [], [])
        assert await session.scalar(text("SELECT count(*) FROM turns")) == 0


async def test_while_one_caller_reads_the_others_use_the_snapshot_before(sessions: Sessions) -> None:
    shared = positions.SharedLine()
    async with sessions() as session:
        before = await shared.current(session)
        shared._due_at = 0.0
        async with shared._reading, asyncio.timeout(1):
            assert await shared.current(session) is before
