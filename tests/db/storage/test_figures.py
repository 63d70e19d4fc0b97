"""The figures of the stored objects, as they are measured and read."""

from typing import Any

from sqlalchemy import text

from db.jobs import leases
from db.jobs.leases import Lease
from db.storage import figures
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import VIDEO, Call, Life, video


async def publish(call: Call, lease: Lease, size: int) -> None:
    poster = {**VIDEO, "kind": "poster", "key": f"jobs/{lease.job_id}/{lease.attempt}/poster.webp", "size_bytes": 5}
    files = [{**video(lease), "size_bytes": size}, poster]
    assert await call(leases.publish, lease, resolved={"seed": 7}, warnings=[], artifacts=files)


async def stored(call: Call) -> dict[str, Any]:
    await call(figures.measure)
    found: dict[str, Any] = dict((await call(figures.latest))[figures.STORED].figures)
    assert 0 < found.pop("seconds") < 5
    return found


async def test_objects_by_kind_and_user(life: Life, call: Call, make_user: MakeUser) -> None:
    other = await make_user("other@example.com")
    for owner, size in ((None, 100), (None, 200), (other, 1000)):
        await publish(call, await life.running(owner=owner), size)
    base = await life.running()
    assert await life.keep_base(base)
    found = await stored(call)
    assert found["kinds"] == [
        {"kind": "video", "objects": 3, "bytes": 1300},
        {"kind": "poster", "objects": 3, "bytes": 15},
        {"kind": "base", "objects": 1, "bytes": 3},
    ]
    assert found["users"] == [
        {"user_id": str(other), "objects": 2, "bytes": 1005},
        {"user_id": str(life.owner), "objects": 5, "bytes": 313},
    ], "a base clip belongs to the user of its job"
    nothing = {"objects": 0, "bytes": 0}
    assert (found["trash"], found["deletable"]) == (nothing, nothing)
    addresses = await call(figures.emails, (await call(figures.latest))[figures.STORED])
    assert addresses[str(other)] == "other@example.com"


async def test_trash_and_what_can_be_deleted(life: Life, call: Call, sessions: Sessions) -> None:
    await publish(call, await life.running(), 100)
    kept, expired, ownerless = [await life.running() for _ in range(3)]
    for lease in (kept, expired, ownerless):
        assert await life.keep_base(lease)
    async with sessions.begin() as session:
        await session.execute(text("UPDATE videos SET trashed_at = now()"))
        past = "UPDATE artifacts SET expires_at = now() - interval '1 s' WHERE job_id = :id"
        await session.execute(text(past), {"id": expired.job_id})
        await session.execute(text("DELETE FROM jobs WHERE id = :id"), {"id": ownerless.job_id})
    found = await stored(call)
    assert found["trash"] == {"objects": 2, "bytes": 105}
    assert found["deletable"] == {"objects": 2, "bytes": 6}


async def test_only_the_users_with_most_bytes_are_listed(life: Life, call: Call, make_user: MakeUser) -> None:
    for size in range(figures.USERS + 2):
        await publish(call, await life.running(owner=await make_user()), size)
    users = (await stored(call))["users"]
    assert [user["bytes"] - 5 for user in users] == list(reversed(range(2, figures.USERS + 2)))


async def test_an_empty_store_and_one_that_was_never_measured(call: Call) -> None:
    assert await call(figures.latest) == {}
    assert await call(figures.emails, None) == {}
    nothing = {"objects": 0, "bytes": 0}
    assert await stored(call) == {"kinds": [], "users": [], "trash": nothing, "deletable": nothing}


async def test_the_latest_figures_replace_those_before(life: Life, call: Call) -> None:
    await call(figures.collected, {"previews of ended jobs": 3})
    await call(figures.measure)
    before = await call(figures.latest)
    await publish(call, await life.running(), 100)
    await call(figures.collected, {})
    await call(figures.measure)
    after = await call(figures.latest)
    assert before[figures.COLLECTED].figures == {"removed": {"previews of ended jobs": 3}}
    assert after[figures.COLLECTED].figures == {"removed": {}}
    assert len(after[figures.STORED].figures["kinds"]) == 2
    assert all(after[name].measured_at > before[name].measured_at for name in after)


async def test_a_measurement_is_due_after_a_minute_or_fifty_times_its_duration(call: Call, sessions: Sessions) -> None:
    async def age(seconds: float, duration: float) -> None:
        async with sessions.begin() as session:
            values = {"age": seconds, "duration": duration}
            await session.execute(text(AGE), values)

    assert [await call(figures.measure_if_due) for _ in range(2)] == [True, False]
    for seconds, duration, due in ((55, 0.1, False), (65, 0.1, True), (65, 2.0, False), (105, 2.0, True)):
        await age(seconds, duration)
        assert await call(figures.measure_if_due) is due, (seconds, duration)


AGE = """UPDATE system_figures SET measured_at = now() - make_interval(secs => :age),
    figures = figures || jsonb_build_object('seconds', CAST(:duration AS float8))"""
