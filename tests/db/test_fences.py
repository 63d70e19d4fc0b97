"""Every write of a worker holds only while its lease does."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from db import jobs, work
from db.work import Lease
from tests.db.conftest import ERROR, Call, Life, base, video

Write = Callable[[Call, Lease], Awaitable[Any]]

WRITES: dict[str, Write] = {
    "BEAT": lambda call, lease: call(work.beat, lease),
    "PROGRESS": lambda call, lease: call(work.progress, lease, progress={"value": 0.5}, eta_seconds=3.0),
    "KEEP_BASE": lambda call, lease: call(work.keep_base, lease, base(lease)),
    "PUBLISH": lambda call, lease: call(
        work.publish, lease, resolved={"seed": 7}, warnings=[], artifacts=[video(lease)]
    ),
    "FAIL": lambda call, lease: call(work.fail, lease, error=ERROR, retry=True),
    "GIVE_BACK": lambda call, lease: call(work.give_back, lease),
    "CANCEL": lambda call, lease: call(work.cancel, lease),
}
every_write = pytest.mark.parametrize("name", WRITES)


async def ready(life: Life, name: str, *leases: Lease) -> None:
    """What a write needs beyond a lease: only a job that was asked to can be canceled."""
    if name == "CANCEL":
        for lease in leases:
            await life.call(jobs.request_cancel, lease.job_id, owner_id=life.owner)


async def refused(life: Life, name: str, lease: Lease) -> None:
    before = await life.seen(lease.job_id)
    assert not await WRITES[name](life.call, lease)
    after = await life.seen(lease.job_id)
    assert (after.revision, after.lease_expires_at, after.status) == (
        before.revision, before.lease_expires_at, before.status,
    )  # fmt: skip


@every_write
async def test_the_holder_writes(life: Life, name: str) -> None:
    lease = await life.running()
    await ready(life, name, lease)
    assert await WRITES[name](life.call, lease)


@every_write
async def test_a_write_touches_no_other_job(life: Life, name: str) -> None:
    lease, other = await life.running("w1"), await life.running("w1")
    await ready(life, name, lease, other)
    before = await life.seen(other.job_id)
    assert await WRITES[name](life.call, lease)
    after = await life.seen(other.job_id)
    assert (after.revision, after.lease_expires_at) == (before.revision, before.lease_expires_at)


@every_write
async def test_an_earlier_attempt_of_the_same_worker_is_fenced(life: Life, name: str) -> None:
    old = await life.running("w1", lease_seconds=-1)
    await life.call(work.rescue)
    await life.available(old.job_id)
    new = await life.claim("w1")
    assert new == Lease(old.job_id, 2, "w1")
    await ready(life, name, old)
    await refused(life, name, old)


@every_write
async def test_another_worker_is_fenced(life: Life, name: str) -> None:
    lease = await life.running("w1")
    await ready(life, name, lease)
    await refused(life, name, Lease(lease.job_id, lease.attempt, "w2"))


@every_write
async def test_a_worker_that_lost_its_lease_is_fenced(life: Life, name: str) -> None:
    old, new = await life.lost()
    await ready(life, name, old)
    await refused(life, name, old)
    assert (await life.seen(new.job_id)).lease_owner == "w2"


@every_write
async def test_a_job_that_ended_is_fenced(life: Life, name: str, unguarded: None) -> None:
    lease = await life.running()
    await ready(life, name, lease)
    await life.change(lease.job_id, "status = 'succeeded', resolved = '{}', finished_at = now()")
    await refused(life, name, lease)


async def test_only_running_jobs_are_rescued(life: Life, unguarded: None) -> None:
    lease = await life.running(lease_seconds=-1)
    await life.change(lease.job_id, "status = 'succeeded', resolved = '{}', finished_at = now()")
    assert await life.call(work.rescue) == []
