"""Jobs as clients use them: submit, read, cancel, retry."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from db import engine as engines
from db.embedded import Postgres
from db.errors import IdempotencyKeyReuse, NotRetryable, QueueFull, QuotaExceeded
from db.ids import uuid7
from db.jobs import leases
from db.jobs import queries as jobs
from db.jobs.quotas import Quotas
from db.tables import Artifact, Job
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import LEASE_SECONDS, QUOTAS, Call, Life, base, video


async def test_enqueue(life: Life) -> None:
    job = await life.queued(seconds=2.5, priority=3)
    seen = await life.seen(job.id)
    assert (seen.status, seen.spec, seen.priority, seen.attempt) == ("queued", {"prompt": "a red circle"}, 3, 0)
    assert (seen.seconds, seen.charged_seconds, seen.progress, seen.warnings) == (2.5, 2.5, {"value": 0}, [])
    assert (seen.base, seen.error, seen.resolved, seen.retried_from) == (None, None, None, None)


async def test_the_same_key_gives_the_same_job(life: Life, call: Call) -> None:
    values = {"owner_id": life.owner, "spec": {}, "seconds": 1, "quotas": QUOTAS, "idempotency_key": "k"}
    first = await call(jobs.enqueue, **values, request_hash="a")
    again = await call(jobs.enqueue, **values, request_hash="a")
    assert (first.replayed, again.replayed) == (False, True)
    assert again.job.id == first.job.id
    with pytest.raises(IdempotencyKeyReuse):
        await call(jobs.enqueue, **values, request_hash="b")


async def test_a_key_belongs_to_one_user(life: Life, make_user: MakeUser) -> None:
    first = await life.queued(idempotency_key="k", request_hash="a")
    other = await life.queued(await make_user(), idempotency_key="k", request_hash="a")
    assert other.id != first.id


async def test_fifty_concurrent_requests_with_one_key_create_one_job(postgres: Postgres, life: Life) -> None:
    engine = engines.connect(postgres.url, pool_size=25)
    sessions = engines.sessions(engine)

    async def submit() -> Any:
        async with sessions() as session, session.begin():
            return await jobs.enqueue(
                session, owner_id=life.owner, spec={}, seconds=1, quotas=QUOTAS, idempotency_key="k", request_hash="a"
            )

    done = await asyncio.gather(*(submit() for _ in range(50)))
    assert sum(not d.replayed for d in done) == 1
    assert len({d.job.id for d in done}) == 1
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Job)) == 1
    await engine.dispose()


async def test_the_queue_of_one_user_is_bounded(life: Life, make_user: MakeUser) -> None:
    quotas = Quotas(queued_per_user=3)
    done = await asyncio.gather(*(life.queued(quotas=quotas) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(d, QueueFull) for d in done) == 5
    assert all(d.retry_after >= 1 for d in done if isinstance(d, QueueFull))
    await life.queued(await make_user(), quotas=quotas)
    assert await life.claim()
    await life.queued(quotas=quotas)


async def test_the_quota_counts_the_seconds_charged_in_a_day(life: Life) -> None:
    quotas = Quotas(queued_per_user=50, seconds_per_day=10)
    first, second = await life.queued(seconds=4, quotas=quotas), await life.queued(seconds=4, quotas=quotas)
    await life.change(first.id, "created_at = now() - interval '23 hours'")
    with pytest.raises(QuotaExceeded) as refused:
        await life.queued(seconds=4, quotas=quotas)
    assert 3500 < refused.value.retry_after <= 3600
    await life.queued(seconds=2, quotas=quotas)
    await life.call(jobs.request_cancel, second.id, owner_id=life.owner)
    await life.queued(seconds=4, quotas=quotas)
    await life.change(first.id, "created_at = now() - interval '25 hours'")
    await life.queued(seconds=4, quotas=quotas)


async def test_more_than_a_day_allows_is_refused(life: Life) -> None:
    with pytest.raises(QuotaExceeded):
        await life.queued(seconds=11, quotas=Quotas(queued_per_user=50, seconds_per_day=10))


async def test_jobs_are_owned(life: Life, call: Call, make_user: MakeUser) -> None:
    lease, stranger = await life.succeeded(), await make_user()
    assert await call(jobs.get, lease.job_id, owner_id=stranger) is None
    assert await call(jobs.artifacts, lease.job_id, owner_id=stranger) == []
    assert await call(jobs.retry, lease.job_id, owner_id=stranger, quotas=QUOTAS) is None
    assert (await call(jobs.page, owner_id=stranger, limit=5)).data == []
    assert await call(jobs.open_jobs, [stranger]) == []
    assert (await call(jobs.get, lease.job_id, owner_id=life.owner)).status == "succeeded"


async def test_pages(life: Life, call: Call) -> None:
    ids = [(await life.queued()).id for _ in range(5)]

    async def page(**values: Any) -> tuple[list[UUID], bool]:
        found = await call(jobs.page, owner_id=life.owner, limit=2, **values)
        return [job.id for job in found.data], found.has_more

    assert await page() == ([ids[4], ids[3]], True)
    assert await page(after=ids[3]) == ([ids[2], ids[1]], True)
    assert await page(after=ids[1]) == ([ids[0]], False)
    assert await page(order="asc", after=ids[2]) == ([ids[3], ids[4]], False)
    await life.claim()
    assert await page(status="running") == ([ids[0]], False)


async def test_open_jobs(life: Life, call: Call) -> None:
    await life.succeeded()
    running, queued = await life.running(), await life.queued()
    assert [job.id for job in await call(jobs.open_jobs, [life.owner])] == [running.job_id, queued.id]


async def test_a_queued_job_is_canceled_at_once(life: Life) -> None:
    job = await life.canceled()
    seen = await life.seen(job.id)
    assert (seen.status, seen.charged_seconds, seen.revision) == ("canceled", 0, job.revision + 1)
    assert await life.claim() is None


async def test_the_cancel_of_a_running_job_is_requested(life: Life, call: Call) -> None:
    lease = await life.running()
    job = await call(jobs.request_cancel, lease.job_id, owner_id=life.owner)
    assert (job.status, job.shown_status, job.lease_owner) == ("running", "canceling", "w1")


async def test_cancel_changes_no_other_job(life: Life) -> None:
    other = await life.queued()
    await life.canceled()
    assert (await life.seen(other.id)).status == "queued"


async def test_another_user_cancels_nothing(life: Life, call: Call) -> None:
    job = await life.queued()
    assert await call(jobs.request_cancel, job.id, owner_id=uuid7()) is None
    assert (await life.seen(job.id)).status == "queued"


async def test_an_ended_job_cannot_be_canceled(life: Life, call: Call) -> None:
    lease = await life.succeeded()
    job = await call(jobs.request_cancel, lease.job_id, owner_id=life.owner)
    assert (job.status, job.cancel_requested_at) == ("succeeded", None)


async def test_a_second_cancel_changes_nothing(life: Life, call: Call) -> None:
    lease = await life.running()
    first = await call(jobs.request_cancel, lease.job_id, owner_id=life.owner)
    again = await call(jobs.request_cancel, lease.job_id, owner_id=life.owner)
    assert (again.revision, again.cancel_requested_at) == (first.revision, first.cancel_requested_at)


async def test_a_cancel_during_a_claim_is_requested(life: Life, call: Call, sessions: Sessions) -> None:
    job = await life.queued()
    async with sessions() as session:
        claimed = await leases.claim(session, owner="w1", running_per_user=2, lease_seconds=LEASE_SECONDS)
        canceling = asyncio.create_task(call(jobs.request_cancel, job.id, owner_id=life.owner))
        await asyncio.sleep(0.1)
        await session.commit()
    assert claimed
    assert (await canceling).shown_status == "canceling"


async def test_a_retry_is_a_new_job_that_continues_from_the_base_clip(life: Life, call: Call) -> None:
    lease = await life.running()
    await life.keep_base(lease)
    await life.fail(lease, retry=False, reduced=True)
    again = (await call(jobs.retry, lease.job_id, owner_id=life.owner, quotas=QUOTAS)).job
    assert again.id != lease.job_id
    assert (again.status, again.retried_from, again.base) == ("queued", lease.job_id, base(lease))
    assert (again.seconds, again.charged_seconds, again.reduced, again.attempt) == (1.0, 1.0, True, 0)


async def test_a_retry_without_a_base_clip_starts_over(life: Life, call: Call, sessions: Sessions) -> None:
    lease = await life.failed()
    fresh = (await call(jobs.retry, lease.job_id, owner_id=life.owner, quotas=QUOTAS)).job
    assert fresh.base is None
    await call(jobs.request_cancel, fresh.id, owner_id=life.owner)
    lease = await life.running()
    await life.keep_base(lease)
    await life.fail(lease, retry=False)
    async with sessions() as session, session.begin():
        await session.execute(Job.metadata.tables["artifacts"].update().values(expires_at=func.now()))
    assert (await call(jobs.retry, lease.job_id, owner_id=life.owner, quotas=QUOTAS)).job.base is None


async def test_only_failed_and_canceled_jobs_are_retried(life: Life, call: Call) -> None:
    for job_id in ((await life.succeeded()).job_id, (await life.queued()).id):
        with pytest.raises(NotRetryable):
            await call(jobs.retry, job_id, owner_id=life.owner, quotas=QUOTAS)


async def test_a_retry_counts_as_a_submission(life: Life, call: Call) -> None:
    failed = await life.failed()
    with pytest.raises(QueueFull):
        await call(jobs.retry, failed.job_id, owner_id=life.owner, quotas=Quotas(0))
    values = {"owner_id": life.owner, "quotas": QUOTAS, "idempotency_key": "r", "request_hash": "h"}
    first, again = [await call(jobs.retry, failed.job_id, **values) for _ in range(2)]
    assert (first.job.id, again.replayed) == (again.job.id, True)


async def test_artifacts_are_those_of_the_successful_attempt(life: Life, call: Call) -> None:
    old, new = await life.lost()
    artifact = {**video(new), "kind": "poster", "key": "jobs/poster.webp"}
    assert await call(jobs.artifacts, old.job_id, owner_id=life.owner) == []
    await call(leases.publish, new, resolved={}, warnings=[], artifacts=[video(new), artifact])
    found = await call(jobs.artifacts, old.job_id, owner_id=life.owner)
    assert [a.kind for a in found] == ["video", "poster"]
    assert {a.attempt for a in found} == {2}


async def test_objects_of_an_unfinished_job_are_not_shown(life: Life, call: Call, sessions: Sessions) -> None:
    lease = await life.running()
    async with sessions() as session, session.begin():
        session.add(Artifact(job_id=lease.job_id, attempt=lease.attempt, **video(lease)))
    assert await call(jobs.artifacts, lease.job_id, owner_id=life.owner) == []
