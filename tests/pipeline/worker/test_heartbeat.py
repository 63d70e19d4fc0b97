"""The heartbeat: renewal, cancel requests, fencing, and a database that does not answer."""

import asyncio

import pytest

from db.jobs import leases
from pipeline.worker.heartbeat import Heartbeat, StopReason
from tests.conftest import Sessions
from tests.pipeline.worker.conftest import Queue


@pytest.fixture
async def lease(queue: Queue) -> leases.Lease:
    await queue.submit()
    return leases.lease_of(await queue.claim())


async def test_each_beat_renews_the_lease(queue: Queue, sessions: Sessions, lease: leases.Lease) -> None:
    await queue.execute("UPDATE jobs SET lease_expires_at = now()")
    beating = asyncio.create_task(Heartbeat(lease, sessions, beat_seconds=0.05, lease_seconds=100).run())
    async with asyncio.timeout(5):
        while not (await queue.execute("SELECT lease_expires_at > now() + interval '90 s' FROM jobs"))[0][0]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert not beating.done()
    beating.cancel()


async def test_a_cancel_request_is_received_at_once_after_beat_now(
    queue: Queue, sessions: Sessions, lease: leases.Lease
) -> None:
    heartbeat = Heartbeat(lease, sessions, beat_seconds=60, lease_seconds=100)
    beating = asyncio.create_task(heartbeat.run())
    await queue.cancel(lease.job_id)
    heartbeat.beat_now()
    async with asyncio.timeout(5):
        assert await beating is StopReason.CANCELED


async def test_a_lease_of_another_worker_fences(queue: Queue, sessions: Sessions, lease: leases.Lease) -> None:
    await queue.execute("UPDATE jobs SET lease_owner = 'another'")
    async with asyncio.timeout(5):
        assert await Heartbeat(lease, sessions, beat_seconds=0.05, lease_seconds=100).run() is StopReason.FENCED


async def test_a_database_away_for_longer_than_the_lease_fences(
    sessions: Sessions, lease: leases.Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(leases, "beat", unreachable)
    async with asyncio.timeout(5):
        assert await Heartbeat(lease, sessions, beat_seconds=0.05, lease_seconds=0.3).run() is StopReason.FENCED
