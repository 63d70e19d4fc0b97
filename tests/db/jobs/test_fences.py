"""Fencing: a write of a worker without a valid lease changes nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from db.jobs import leases
from db.jobs import queries as jobs
from db.jobs.leases import Lease
from tests.db.conftest import LEASE_SECONDS, Life, video

Write = Callable[[Life, Lease], Awaitable[Any]]

WRITES: dict[str, Write] = {
    "BEAT": lambda life, lease: life.call(leases.beat, lease, lease_seconds=LEASE_SECONDS),
    "PROGRESS": lambda life, lease: life.call(leases.progress, lease, progress={"value": 0.5}, eta_seconds=3.0),
    "KEEP_BASE": lambda life, lease: life.keep_base(lease),
    "PUBLISH": lambda life, lease: life.call(
        leases.publish, lease, resolved={"seed": 7}, warnings=[], artifacts=[video(lease)]
    ),
    "FAIL": lambda life, lease: life.fail(lease, retry=True),
    "GIVE_BACK": lambda life, lease: life.call(leases.give_back, lease),
    "CANCEL": lambda life, lease: life.call(leases.cancel, lease),
}
every_write = pytest.mark.parametrize("name", WRITES)


async def prepare(life: Life, name: str, *held: Lease) -> None:
    """Fulfil what a write requires besides a lease: CANCEL requires a requested cancel."""
    if name == "CANCEL":
        for lease in held:
            await life.call(jobs.request_cancel, lease.job_id, owner_id=life.owner)


async def assert_fenced(life: Life, name: str, lease: Lease) -> None:
    before = await life.seen(lease.job_id)
    assert not await WRITES[name](life, lease)
    after = await life.seen(lease.job_id)
    assert (after.revision, after.lease_expires_at, after.status) == (
        before.revision, before.lease_expires_at, before.status,
    )  # fmt: skip


@every_write
async def test_the_lease_holder_writes(life: Life, name: str) -> None:
    lease = await life.running()
    await prepare(life, name, lease)
    assert await WRITES[name](life, lease)


@every_write
async def test_a_write_changes_no_other_job(life: Life, name: str) -> None:
    lease, other = await life.running("w1"), await life.running("w1")
    await prepare(life, name, lease, other)
    before = await life.seen(other.job_id)
    assert await WRITES[name](life, lease)
    after = await life.seen(other.job_id)
    assert (after.revision, after.lease_expires_at) == (before.revision, before.lease_expires_at)


@every_write
async def test_an_earlier_attempt_of_the_same_worker_is_fenced(life: Life, name: str) -> None:
    old = await life.running("w1", lease_seconds=-1)
    await life.rescue()
    await life.available(old.job_id)
    new = await life.claim("w1")
    assert new == Lease(old.job_id, 2, "w1")
    await prepare(life, name, old)
    await assert_fenced(life, name, old)


@every_write
async def test_another_worker_is_fenced(life: Life, name: str) -> None:
    lease = await life.running("w1")
    await prepare(life, name, lease)
    await assert_fenced(life, name, Lease(lease.job_id, lease.attempt, "w2"))


@every_write
async def test_a_worker_that_lost_its_lease_is_fenced(life: Life, name: str) -> None:
    old, new = await life.lost()
    await prepare(life, name, old)
    await assert_fenced(life, name, old)
    assert (await life.seen(new.job_id)).lease_owner == "w2"


@every_write
async def test_an_ended_job_is_fenced(life: Life, name: str, unguarded: None) -> None:
    lease = await life.running()
    await prepare(life, name, lease)
    await life.change(lease.job_id, "status = 'succeeded', resolved = '{}', finished_at = now()")
    await assert_fenced(life, name, lease)


async def test_only_running_jobs_are_rescued(life: Life, unguarded: None) -> None:
    lease = await life.running(lease_seconds=-1)
    await life.change(lease.job_id, "status = 'succeeded', resolved = '{}', finished_at = now()")
    assert await life.rescue() == []
