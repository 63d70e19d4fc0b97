"""The list of dispatchers, and the jobs that they hold."""

from sqlalchemy import text

from db import dispatchers
from db.dispatchers import Held, Seen
from db.jobs import leases
from tests.conftest import Sessions
from tests.db.conftest import Call, Life

REPLICAS = {"generate": {"running": 1}}


async def seen(call: Call, owner: str, replicas: dict[str, dict[str, int]] = REPLICAS) -> None:
    await call(dispatchers.seen, owner=owner, version="1.2.3", jobs=4, replicas=replicas)


async def age(sessions: Sessions, owner: str, seconds: float) -> None:
    async with sessions.begin() as session:
        statement = "UPDATE dispatchers SET seen_at = now() - make_interval(secs => :seconds) WHERE owner = :owner"
        await session.execute(text(statement), {"owner": owner, "seconds": seconds})


async def test_a_dispatcher_is_listed_once_with_its_latest_replicas(call: Call) -> None:
    await seen(call, "first")
    await seen(call, "second")
    await seen(call, "first", {"generate": {"starting": 1}})
    rows: list[Seen] = await call(dispatchers.listed)
    assert [row.dispatcher.owner for row in rows] == ["second", "first"], "the newest first"
    first = rows[1].dispatcher
    assert (first.version, first.jobs, first.replicas) == ("1.2.3", 4, {"generate": {"starting": 1}})
    assert first.seen_at > first.started_at
    assert [row.lost for row in rows] == [False, False]


async def test_a_silent_dispatcher_is_lost_and_forgotten_after_a_day(call: Call, sessions: Sessions) -> None:
    for owner, seconds in (("well", 40.0), ("silent", 50.0), ("gone", 86_410.0)):
        await seen(call, owner)
        await age(sessions, owner, seconds)
    rows: list[Seen] = await call(dispatchers.listed)
    assert {row.dispatcher.owner: row.lost for row in rows} == {"well": False, "silent": True, "gone": True}
    assert [await call(dispatchers.purge, limit=10) for _ in range(2)] == [1, 0]
    assert {row.dispatcher.owner for row in await call(dispatchers.listed)} == {"well", "silent"}


async def test_a_stopped_dispatcher_is_forgotten_at_once(call: Call) -> None:
    await seen(call, "first")
    await seen(call, "second")
    await call(dispatchers.remove, "first")
    assert [row.dispatcher.owner for row in await call(dispatchers.listed)] == ["second"]


async def test_held_jobs_are_the_running_ones(life: Life, call: Call) -> None:
    await life.succeeded()
    await life.failed()
    first, second = await life.running("w1"), await life.running("w2")
    await life.queued()
    progress = {"value": 0.5, "stage": "upscale"}
    assert await call(leases.progress, first, progress=progress, eta_seconds=None)
    await life.change(second.job_id, "cancel_requested_at = now()")
    held: list[Held] = await call(dispatchers.held)
    found = {job.job_id: job for job in held}
    assert found.keys() == {first.job_id, second.job_id}
    one, other = found[first.job_id], found[second.job_id]
    assert (one.owner, one.user_id, one.attempt) == ("w1", life.owner, 1)
    assert (one.stage, one.value, one.cancel_requested) == ("upscale", 0.5, False)
    assert one.lease_expires_at > one.started_at
    assert (other.owner, other.stage, other.value, other.cancel_requested) == ("w2", None, 0.0, True)
