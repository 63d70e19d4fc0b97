"""Notifications: what is published, and that a lost connection is re-established."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from db.jobs import leases
from db.jobs import queries as jobs
from db.listen import RECONNECTED, _receive, listen
from tests.conftest import Sessions
from tests.db.conftest import LEASE_SECONDS, Call, Life


async def receive(notifications: AsyncIterator[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        return [await anext(notifications) for _ in range(count)]


async def test_each_committed_change_notifies(life: Life, call: Call, database_url: str) -> None:
    async with aclosing(listen(database_url, "jobs")) as notifications:
        assert await receive(notifications, 1) == [RECONNECTED]
        job = await life.queued()
        lease = await life.claim()
        assert lease
        await call(leases.progress, lease, progress={"value": 0.5}, eta_seconds=None)
        await call(leases.beat, lease, lease_seconds=LEASE_SECONDS)
        await call(jobs.request_cancel, job.id, owner_id=life.owner)
        await life.fail(lease, retry=False)
        events = await receive(notifications, 5)
    assert [(e["type"], e["revision"]) for e in events] == [
        ("enqueued", 1), ("status", 2), ("progress", 3), ("cancel", 4), ("status", 5),
    ]  # fmt: skip
    assert {(e["job_id"], e["owner_id"]) for e in events} == {(str(job.id), str(life.owner))}


async def test_rescue_publish_and_give_back_notify(life: Life, call: Call, database_url: str) -> None:
    async with aclosing(listen(database_url, "jobs")) as notifications:
        await receive(notifications, 1)
        old = await life.running(lease_seconds=-1)
        await life.rescue()
        done = await life.succeeded()
        back = await life.running()
        await call(leases.give_back, back)
        events = await receive(notifications, 9)
    kinds = [(e["job_id"], e["type"]) for e in events]
    assert kinds.count((str(old.job_id), "status")) == 2
    assert kinds.count((str(done.job_id), "status")) == 2
    assert kinds.count((str(back.job_id), "status")) == 2


async def test_a_requested_cancel_and_a_terminal_state_have_different_types(life: Life, database_url: str) -> None:
    async with aclosing(listen(database_url, "jobs")) as notifications:
        await receive(notifications, 1)
        lease, waiting = await life.running(), await life.queued()
        for job_id in (lease.job_id, waiting.id):
            await life.call(jobs.request_cancel, job_id, owner_id=life.owner)
        events = await receive(notifications, 5)
    assert [(e["job_id"], e["type"]) for e in events[3:]] == [
        (str(lease.job_id), "cancel"), (str(waiting.id), "status"),
    ]  # fmt: skip


async def test_a_lost_connection_is_re_established(life: Life, sessions: Sessions, database_url: str) -> None:
    async with aclosing(listen(database_url, "jobs")) as notifications:
        await receive(notifications, 1)
        async with sessions() as session:
            terminate = (
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name = 'auraanim-listen'"
            )
            assert await session.scalar(text(terminate)) >= 1  # a gateway of another test may listen too
        assert await receive(notifications, 1) == [RECONNECTED]
        job = await life.queued()
        assert [e["job_id"] for e in await receive(notifications, 1)] == [str(job.id)]


async def test_errors_that_are_not_transient_are_raised(database_url: str) -> None:
    async with aclosing(listen(database_url.replace("aura:", "aura:x"))) as notifications:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await receive(notifications, 1)


async def test_an_idle_connection_is_probed(life: Life, database_url: str) -> None:
    async with aclosing(listen(database_url, "jobs", probe_seconds=0.05)) as notifications:
        await receive(notifications, 1)
        receiving = asyncio.create_task(receive(notifications, 1))
        await asyncio.sleep(0.3)
        await life.queued()
        assert (await receiving)[0]["type"] == "enqueued"


async def test_a_cancellation_that_arrives_together_with_a_payload_is_not_lost() -> None:
    """A gateway that shuts down while notifications arrive would never end."""
    inbox: asyncio.Queue[str | None] = asyncio.Queue()
    receiving = asyncio.create_task(_receive(None, inbox, 60))
    await asyncio.sleep(0.01)
    inbox.put_nowait("{}")
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
