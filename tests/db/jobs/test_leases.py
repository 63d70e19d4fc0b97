"""Leases: each transition of a job by a worker."""

import asyncio
import inspect
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.jobs import leases, transitions
from db.jobs import queries as jobs
from db.jobs.leases import Lease
from db.tables import Artifact, Job
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import BACKOFF, ERROR, MAX_LOSSES, Life, attempts, base, until_waiting, video
from tests.db.jobs.test_fences import WRITES, prepare

# --- beat, progress, base -------------------------------------------------------------------------------------------


async def test_a_beat_renews_the_lease_and_returns_the_requested_cancel(life: Life) -> None:
    lease = await life.running(lease_seconds=1)
    before = await life.seen(lease.job_id)
    assert await life.call(leases.beat, lease, lease_seconds=60) == leases.Beat(cancel_requested=False)
    after = await life.seen(lease.job_id)
    assert after.lease_expires_at
    assert before.lease_expires_at
    assert (after.lease_expires_at - before.lease_expires_at).total_seconds() > 50
    await life.call(jobs.request_cancel, lease.job_id, owner_id=life.owner)
    assert await life.call(leases.beat, lease, lease_seconds=60) == leases.Beat(cancel_requested=True)


async def publish_progress(life: Life, lease: Lease, value: float, **more: Any) -> Job:
    progress = {"value": value, "stage": "generate"}
    assert await life.call(leases.progress, lease, progress=progress, eta_seconds=4.0, **more)
    return await life.seen(lease.job_id)


async def test_progress_is_published(life: Life) -> None:
    lease = await life.running()
    job = await publish_progress(life, lease, 0.25, preview_key="previews/x.webp")
    assert (job.progress, job.eta_seconds) == ({"value": 0.25, "stage": "generate"}, 4.0)
    assert job.preview_key == "previews/x.webp"
    again = await publish_progress(life, lease, 0.5)
    assert again.preview_key == "previews/x.webp"
    assert again.revision == job.revision + 1


async def test_progress_never_falls_within_an_attempt(life: Life) -> None:
    lease = await life.running()
    await publish_progress(life, lease, 0.6)
    assert (await publish_progress(life, lease, 0.2)).progress["value"] == 0.6


async def test_progress_never_falls_across_attempts(life: Life) -> None:
    old = await life.running(lease_seconds=-1)
    await publish_progress(life, old, 0.8)
    await life.rescue()
    await life.available(old.job_id)
    new = await life.claim("w2")
    assert new is not None
    assert (await publish_progress(life, new, 0.1)).progress == {"value": 0.8, "stage": "generate"}


async def test_progress_stays_within_one(life: Life) -> None:
    assert (await publish_progress(life, await life.running(), 1.7)).progress["value"] == 1


async def test_the_base_clip_is_kept_for_workers_only(life: Life, session: AsyncSession) -> None:
    lease = await life.running()
    assert await life.keep_base(lease)
    assert await life.keep_base(lease)
    assert (await life.seen(lease.job_id)).base == base(lease)
    artifact = (await session.scalars(select(Artifact))).one()
    assert (artifact.kind, artifact.key, artifact.duration) == ("base", base(lease)["key"], 1.0)
    assert artifact.expires_at is not None
    await WRITES["PUBLISH"](life, lease)
    assert [a.kind for a in await life.call(jobs.artifacts, lease.job_id, owner_id=life.owner)] == ["video"]


# --- the end of an attempt ------------------------------------------------------------------------------------------


async def test_publish(life: Life, sessions: Sessions) -> None:
    lease = await life.running()
    values = {"resolved": {"seed": 7}, "warnings": ["no upscaling"], "artifacts": [video(lease)]}
    assert await life.call(leases.publish, lease, **values) is True
    job = await life.seen(lease.job_id)
    assert (job.status, job.resolved, job.warnings) == ("succeeded", {"seed": 7}, ["no upscaling"])
    assert (job.progress["value"], job.eta_seconds, job.charged_seconds) == (1, None, 1.0)
    assert await attempts(sessions, lease) == [(1, "w1", "succeeded")]
    assert await life.call(leases.outcome, lease) == "succeeded"
    assert await life.call(leases.publish, lease, **values) is False


async def test_a_job_whose_cancel_was_accepted_is_never_published(life: Life) -> None:
    lease = await life.running()
    await life.call(jobs.request_cancel, lease.job_id, owner_id=life.owner)
    assert await WRITES["PUBLISH"](life, lease) is False
    assert await life.call(leases.cancel, lease) is True
    assert await life.call(jobs.artifacts, lease.job_id, owner_id=life.owner) == []


async def test_a_cancel_that_waits_for_a_publish_changes_nothing(life: Life, sessions: Sessions) -> None:
    lease = await life.running()
    async with sessions() as session:
        published = await leases.publish(session, lease, resolved={}, warnings=[], artifacts=[video(lease)])
        canceling = asyncio.create_task(life.call(jobs.request_cancel, lease.job_id, owner_id=life.owner))
        await until_waiting(sessions, "transactionid")
        await session.commit()
    assert published
    job = await canceling
    assert (job.status, job.cancel_requested_at) == ("succeeded", None)


async def test_a_publish_that_waits_for_a_cancel_is_refused(life: Life, sessions: Sessions) -> None:
    lease = await life.running()
    async with sessions() as session:
        await jobs.request_cancel(session, lease.job_id, owner_id=life.owner)
        publishing = asyncio.create_task(WRITES["PUBLISH"](life, lease))
        await until_waiting(sessions, "transactionid")
        await session.commit()
    assert await publishing is False
    assert (await life.seen(lease.job_id)).shown_status == "canceling"


@pytest.mark.parametrize("name", ["FAIL", "GIVE_BACK"])
async def test_a_write_that_waits_for_a_cancel_ends_canceled(life: Life, sessions: Sessions, name: str) -> None:
    lease = await life.running()
    async with sessions() as session:
        await jobs.request_cancel(session, lease.job_id, owner_id=life.owner)
        writing = asyncio.create_task(WRITES[name](life, lease))
        await until_waiting(sessions, "transactionid")
        await session.commit()
    assert await writing
    job = await life.seen(lease.job_id)
    assert (job.status, job.failures) == ("canceled", 0)
    assert await attempts(sessions, lease) == [(1, "w1", "canceled")]


async def test_fail_without_retry(life: Life, sessions: Sessions) -> None:
    lease = await life.running()
    job = await life.fail(lease, retry=False)
    assert (job.status, job.error, job.failures, job.charged_seconds) == ("failed", ERROR, 1, 0)
    assert await attempts(sessions, lease) == [(1, "w1", "failed")]


async def test_fail_retries_after_a_pause_up_to_the_limit(life: Life) -> None:
    lease = await life.running()
    for failures in (1, 2):
        job = await life.fail(lease, retry=True, reduced=failures == 2)
        assert (job.status, job.failures, job.error) == ("queued", failures, None)
        assert (job.reduced, job.charged_seconds) == (failures == 2, 1.0)
        pause = (job.available_at - job.updated_at).total_seconds()
        assert 0.4 * 2 ** (failures - 1) < pause < 1.6 * 2 ** (failures - 1)
        await life.available(lease.job_id)
        lease = await life.claim()
        assert lease
    job = await life.fail(lease, retry=True)
    assert (job.status, job.failures, job.attempt, job.reduced) == ("failed", 3, 3, True)


@pytest.mark.parametrize("name", ["FAIL", "GIVE_BACK"])
async def test_a_job_with_a_requested_cancel_ends_canceled(life: Life, sessions: Sessions, name: str) -> None:
    lease = await life.running()
    await prepare(life, "CANCEL", lease)
    assert await WRITES[name](life, lease)
    job = await life.seen(lease.job_id)
    assert (job.status, job.error, job.charged_seconds) == ("canceled", None, 0)
    assert await attempts(sessions, lease) == [(1, "w1", "canceled")]


async def test_cancel(life: Life) -> None:
    lease = await life.running()
    await prepare(life, "CANCEL", lease)
    assert await life.call(leases.cancel, lease) is True
    job = await life.seen(lease.job_id)
    assert (job.status, job.failures, job.charged_seconds, job.lease_owner) == ("canceled", 0, 0, None)
    assert await life.call(leases.cancel, lease) is False


async def test_a_worker_cancels_only_on_request(life: Life) -> None:
    lease = await life.running()
    assert await life.call(leases.cancel, lease) is False
    assert (await life.seen(lease.job_id)).status == "running"


async def test_give_back_counts_neither_failure_nor_loss(life: Life, sessions: Sessions) -> None:
    lease = await life.running()
    assert await life.call(leases.give_back, lease) is True
    job = await life.seen(lease.job_id)
    assert (job.status, job.failures, job.losses, job.lease_owner) == ("queued", 0, 0, None)
    assert await attempts(sessions, lease) == [(1, "w1", "returned")]
    assert await life.claim("w2") == Lease(lease.job_id, 2, "w2")


# --- rescue ---------------------------------------------------------------------------------------------------------


async def test_rescue(life: Life, sessions: Sessions) -> None:
    lease = await life.running("w1", lease_seconds=-1)
    assert await life.rescue() == [leases.Rescued(lease.job_id, 1, "queued", "w1")]
    job = await life.seen(lease.job_id)
    assert (job.status, job.losses, job.failures, job.error) == ("queued", 1, 0, None)
    assert job.available_at > job.updated_at
    assert await attempts(sessions, lease) == [(1, "w1", "lost")]
    assert await life.rescue() == []


async def test_a_valid_lease_is_not_rescued(life: Life) -> None:
    await life.running(lease_seconds=30)
    assert await life.rescue() == []


async def test_a_poison_job_fails(life: Life) -> None:
    lease: Lease | None = await life.running(lease_seconds=-1)
    assert lease
    for _ in range(2):
        assert [r.status for r in await life.rescue()] == ["queued"]
        await life.available(lease.job_id)
        assert await life.claim(lease_seconds=-1)
    assert [r.status for r in await life.rescue()] == ["failed"]
    job = await life.seen(lease.job_id)
    assert (job.status, job.losses, job.charged_seconds) == ("failed", 3, 0)
    assert job.error
    assert job.error["code"] == "worker_lost"
    assert "3 times" in job.error["message"]


async def test_a_job_canceled_while_orphaned_ends_canceled(life: Life) -> None:
    lease = await life.running(lease_seconds=-1)
    await prepare(life, "CANCEL", lease)
    assert [r.status for r in await life.rescue()] == ["canceled"]
    assert (await life.seen(lease.job_id)).losses == 0


async def test_concurrent_rescues_do_not_wait_for_each_other(
    life: Life, make_user: MakeUser, sessions: Sessions
) -> None:
    first = await life.running(lease_seconds=-2)
    second = await life.running(lease_seconds=-1, owner=await make_user())
    third = await life.running(lease_seconds=-1)
    async with sessions() as session:
        rescued = await leases.rescue(session, max_losses=MAX_LOSSES, backoff=BACKOFF, limit=1)
        assert [r.job_id for r in rescued] == [first.job_id]
        async with asyncio.timeout(1):
            assert [r.job_id for r in await life.rescue()] == [second.job_id]
        await session.commit()
    # Its user's turn was locked by the first rescue.
    assert [r.job_id for r in await life.rescue()] == [third.job_id]


async def test_the_outcome_can_be_read_again(life: Life) -> None:
    old, new = await life.lost()
    assert await life.call(leases.outcome, old) == "lost"
    assert await life.call(leases.outcome, new) is None
    assert await life.call(leases.outcome, Lease(new.job_id, 1, "someone else")) is None


def test_only_the_clock_of_the_database_is_used() -> None:
    for module in (leases, transitions):
        source = inspect.getsource(module)
        assert "import datetime" not in source
        assert "import time\n" not in source
