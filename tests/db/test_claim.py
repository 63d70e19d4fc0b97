"""Claims: what is started, by whom, and what two workers at once may not do."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from db import jobs, moves, users, work
from db.work import Lease
from tests.conftest import Sessions
from tests.db.conftest import Call, Life, attempts, until_waiting


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


async def test_a_job_is_claimed_once_its_pause_is_over(life: Life) -> None:
    job = await life.queued()
    await life.change(job.id, "available_at = now() + interval '1 hour'")
    assert await life.claim() is None
    await life.available(job.id)
    assert await life.claim() is not None


async def test_parallel_claims_do_not_double(life: Life) -> None:
    queued = {(await life.queued()).id for _ in range(12)}
    leases = await asyncio.gather(*(life.claim(f"w{n}") for n in range(15)))
    assert sorted(lease.job_id for lease in leases if lease) == sorted(queued)


async def test_a_job_canceled_while_it_is_being_claimed_is_not_started(
    life: Life, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await life.queued()
    looked = "FROM users_in_line CROSS JOIN LATERAL ("
    assert looked in moves.CLAIM.sql
    slow = moves.CLAIM.sql.replace(looked, looked.replace("FROM", "FROM pg_sleep(0.5) CROSS JOIN"))
    monkeypatch.setattr(moves, "CLAIM", moves.Statement(slow, moves.CLAIM.guards))
    claiming = asyncio.create_task(life.claim())
    await until_waiting(sessions, "PgSleep")
    await life.call(jobs.request_cancel, job.id, owner_id=life.owner)
    assert await claiming is None
    assert (await life.seen(job.id)).status == "canceled"


async def test_a_locked_job_does_not_hold_up_the_others(life: Life, sessions: Sessions) -> None:
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


async def test_the_cap_holds_between_parallel_claims(life: Life, sessions: Sessions) -> None:
    await life.queued()
    async with sessions() as session:
        assert await work.claim(session, owner="w1", running_per_user=1) is not None
        await life.queued(priority=5)  # another head of the same user, while the first claim is not committed
        claiming = asyncio.create_task(life.claim("w2", cap=1))
        await until_waiting(sessions, "advisory")
        await session.commit()
    assert await claiming is None


async def test_a_claim_whose_answer_was_lost_is_found_again(life: Life, call: Call) -> None:
    heard, lost, other = await life.running("w1"), await life.running("w1"), await life.running("w2")
    await life.queued()
    found = await call(work.claimed, owner="w1", known=[heard.job_id])
    assert work.lease_of(found) == lost
    assert await call(work.claimed, owner="w1", known=[heard.job_id, lost.job_id]) is None
    assert await call(work.claimed, owner="w2", known=[other.job_id]) is None
