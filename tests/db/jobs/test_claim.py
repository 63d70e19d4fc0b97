"""Claims: which job starts, and what concurrent claims must not do."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from db import users
from db.jobs import leases, transitions
from db.jobs import queries as jobs
from db.jobs.leases import Lease
from tests.conftest import Sessions
from tests.db.conftest import LEASE_SECONDS, Call, Life, attempts, until_waiting


async def test_claim(life: Life, sessions: Sessions) -> None:
    queued = await life.queued()
    lease = await life.claim("w1")
    assert lease == Lease(queued.id, 1, "w1")
    job = await life.seen(queued.id)
    assert (job.status, job.attempt, job.lease_owner) == ("running", 1, "w1")
    assert job.revision == queued.revision + 1
    assert job.started_at is not None
    assert await attempts(sessions, lease) == [(1, "w1", None)]


async def test_claim_without_jobs(life: Life) -> None:
    assert await life.claim() is None


async def test_only_queued_jobs_are_claimed(life: Life) -> None:
    ended = await life.failed()
    await life.change(ended.job_id, "priority = 9")
    waiting = await life.queued()
    lease = await life.claim()
    assert lease is not None
    assert lease.job_id == waiting.id


async def test_a_job_is_claimed_after_its_pause(life: Life) -> None:
    job = await life.queued()
    await life.change(job.id, "available_at = now() + interval '1 hour'")
    assert await life.claim() is None
    await life.available(job.id)
    assert await life.claim() is not None


async def test_concurrent_claims_start_each_job_once(life: Life) -> None:
    queued = {(await life.queued()).id for _ in range(12)}
    claims = await asyncio.gather(*(life.claim(f"w{n}") for n in range(15)))
    assert sorted(lease.job_id for lease in claims if lease) == sorted(queued)


async def test_a_job_canceled_during_its_claim_does_not_start(
    life: Life, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await life.queued()
    heads = "FROM users_in_line CROSS JOIN LATERAL ("
    assert transitions.CLAIM.count(heads) == 1
    slow = transitions.CLAIM.replace(heads, heads.replace("FROM", "FROM pg_sleep(0.5) CROSS JOIN"))
    monkeypatch.setattr(transitions, "CLAIM", slow)
    claiming = asyncio.create_task(life.claim())
    await until_waiting(sessions, "PgSleep")
    await life.call(jobs.request_cancel, job.id, owner_id=life.owner)
    assert await claiming is None
    assert (await life.seen(job.id)).status == "canceled"


async def test_a_locked_job_does_not_block_the_others(life: Life, sessions: Sessions) -> None:
    first, second = await life.queued(), await life.queued(await other_user(sessions))
    async with sessions() as session:
        await session.execute(text("SELECT FROM jobs WHERE id = :id FOR UPDATE"), {"id": first.id})
        async with asyncio.timeout(1):
            lease = await life.claim()
    assert lease is not None
    assert lease.job_id == second.id


async def other_user(sessions: Sessions) -> Any:
    async with sessions() as session, session.begin():
        return (await users.create(session, email="other@example.com", password_hash="x")).id


async def test_the_cap_holds_between_concurrent_claims(life: Life, sessions: Sessions) -> None:
    await life.queued()
    async with sessions() as session:
        first = await leases.claim(session, owner="w1", running_per_user=1, lease_seconds=LEASE_SECONDS)
        assert first is not None
        await life.queued(priority=5)  # a new head job of the same user, while the first claim is not committed
        claiming = asyncio.create_task(life.claim("w2", cap=1))
        await until_waiting(sessions, "advisory")
        await session.commit()
    assert await claiming is None


async def test_a_claim_whose_commit_was_not_answered_is_found(life: Life, call: Call) -> None:
    known, lost, other = await life.running("w1"), await life.running("w1"), await life.running("w2")
    await life.queued()
    found = await call(leases.claimed, owner="w1", known=[known.job_id])
    assert leases.lease_of(found) == lost
    assert await call(leases.claimed, owner="w1", known=[known.job_id, lost.job_id]) is None
    assert await call(leases.claimed, owner="w2", known=[other.job_id]) is None
