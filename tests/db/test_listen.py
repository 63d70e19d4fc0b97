"""What listeners hear, and that they hear again after the line was cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from sqlalchemy import text

from db import jobs, work
from db.listen import RECONNECTED, listen
from tests.conftest import Sessions
from tests.db.conftest import ERROR, Call, Life


async def hear(told: AsyncIterator[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        return [await anext(told) for _ in range(count)]


async def test_each_change_is_told_once_it_is_committed(life: Life, call: Call, database_url: str) -> None:
    async with aclosing(listen(database_url, "jobs")) as told:
        assert await hear(told, 1) == [RECONNECTED]
        job = await life.queued()
        lease = await life.claim()
        assert lease
        await call(work.progress, lease, progress={"value": 0.5}, eta_seconds=None)
        await call(work.beat, lease)
        await call(jobs.request_cancel, job.id, owner_id=life.owner)
        await call(work.fail, lease, error=ERROR, retry=False)
        events = await hear(told, 5)
    assert [(e["type"], e["revision"]) for e in events] == [
        ("enqueued", 1), ("status", 2), ("progress", 3), ("cancel", 4), ("status", 5),
    ]  # fmt: skip
    assert {(e["job_id"], e["owner_id"]) for e in events} == {(str(job.id), str(life.owner))}


async def test_rescue_publish_and_hand_back_are_told(life: Life, call: Call, database_url: str) -> None:
    async with aclosing(listen(database_url, "jobs")) as told:
        await hear(told, 1)
        old = await life.running(lease_seconds=-1)
        await call(work.rescue)
        done = await life.succeeded()
        back = await life.running()
        await call(work.give_back, back)
        events = await hear(told, 9)
    kinds = [(e["job_id"], e["type"]) for e in events]
    assert kinds.count((str(old.job_id), "status")) == 2
    assert kinds.count((str(done.job_id), "status")) == 2
    assert kinds.count((str(back.job_id), "status")) == 2


async def test_an_end_is_told_as_a_status_and_a_wish_to_cancel_as_such(life: Life, database_url: str) -> None:
    async with aclosing(listen(database_url, "jobs")) as told:
        await hear(told, 1)
        lease, waiting = await life.running(), await life.queued()
        for job_id in (lease.job_id, waiting.id):
            await life.call(jobs.request_cancel, job_id, owner_id=life.owner)
        events = await hear(told, 5)
    assert [(e["job_id"], e["type"]) for e in events[3:]] == [
        (str(lease.job_id), "cancel"), (str(waiting.id), "status"),
    ]  # fmt: skip


async def test_a_cut_line_is_mended(life: Life, sessions: Sessions, database_url: str) -> None:
    async with aclosing(listen(database_url, "jobs")) as told:
        await hear(told, 1)
        async with sessions() as session:
            cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            assert await session.scalar(text(cut)) >= 1  # a gateway of other tests may listen, too
        assert await hear(told, 1) == [RECONNECTED]
        job = await life.queued()
        assert [e["job_id"] for e in await hear(told, 1)] == [str(job.id)]


async def test_a_silent_line_is_asked_whether_it_lives(life: Life, database_url: str) -> None:
    async with aclosing(listen(database_url, "jobs", probe_seconds=0.05)) as told:
        await hear(told, 1)
        heard = asyncio.create_task(hear(told, 1))
        await asyncio.sleep(0.3)
        await life.queued()
        assert (await heard)[0]["type"] == "enqueued"
