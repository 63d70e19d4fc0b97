"""Claims: which job starts, and what concurrent claims must not do."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event, text

from db import users
from db.jobs import leases, transitions
from db.jobs import queries as jobs
from db.jobs.leases import Lease
from tests.conftest import Sessions
from tests.db.conftest import LEASE_SECONDS, Call, Life, attempts, until_waiting

LOCK_TURN = text("SELECT FROM turns WHERE owner_id = :id FOR UPDATE")


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
    heads = "FROM turns JOIN jobs"
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


async def test_a_locked_turn_does_not_block_the_others(life: Life, sessions: Sessions) -> None:
    await life.queued()
    second = await life.queued(await other_user(sessions))
    async with sessions() as session:
        await session.execute(LOCK_TURN, {"id": life.owner})
        async with asyncio.timeout(1):
            lease = await life.claim()
    assert lease is not None
    assert lease.job_id == second.id


async def test_a_claim_waits_for_the_only_turn(life: Life, sessions: Sessions) -> None:
    """A claim that finds the only waiting user locked must not conclude that no user waits."""
    first, second = await life.queued(), await life.queued()
    async with sessions() as session:
        values = {"owner": "w1", "running_per_user": 9, "lease_seconds": LEASE_SECONDS}
        job = await leases.claim(session, **values)
        claiming = asyncio.create_task(life.claim("w2"))
        await until_waiting(sessions, "transactionid")
        await session.commit()
    assert job is not None
    lease = await claiming
    assert lease is not None
    assert (job.id, lease.job_id) == (first.id, second.id)


@pytest.mark.parametrize("at_the_cap", [True, False])
async def test_a_claim_waits_for_no_turn_without_a_job_to_start(
    life: Life, sessions: Sessions, at_the_cap: bool
) -> None:
    await life.running()
    if at_the_cap:
        await life.queued()
    async with sessions() as session:
        await session.execute(LOCK_TURN, {"id": life.owner})
        async with asyncio.timeout(1):
            assert await life.claim(cap=1 if at_the_cap else 9) is None


async def test_a_claim_is_one_statement_while_no_pause_has_ended(life: Life, sessions: Sessions) -> None:
    paused = await life.queued(await other_user(sessions))
    await life.change(paused.id, "available_at = now() + interval '1 hour'")
    await life.queued()
    statements: list[str] = []
    async with sessions() as session:
        connection = (await session.connection()).sync_connection
        event.listen(connection, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
        values = {"owner": "w1", "running_per_user": 9, "lease_seconds": LEASE_SECONDS}
        assert await leases.claim(session, **values) is not None
    assert len(statements) == 1


async def test_claims_and_those_of_earlier_versions_exclude_each_other(life: Life, sessions: Sessions) -> None:
    """Before migration 0005 a claim held this advisory lock; a dispatcher that lost the reply to a claim does too."""
    await life.queued()
    async with sessions() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(4217001)"))
        claiming = asyncio.create_task(life.claim())
        await until_waiting(sessions, "advisory")
        assert not claiming.done()
        await session.commit()
    assert await claiming is not None


async def test_a_turn_that_names_an_ended_job_starts_nothing(life: Life, sessions: Sessions, call: Call) -> None:
    """As after a restore of the database without triggers."""
    ended, waiting = await life.failed(), await life.queued(await other_user(sessions))
    wrong = "UPDATE turns SET head_id = :id, head_priority = 9, waits_since = now() WHERE owner_id = :owner"
    async with sessions() as session, session.begin():
        await session.execute(text(wrong), {"id": ended.job_id, "owner": life.owner})
    lease = await life.claim()
    assert lease is not None
    assert lease.job_id == waiting.id


async def other_user(sessions: Sessions) -> Any:
    async with sessions() as session, session.begin():
        return (await users.create(session, email="other@example.com", password_hash="x")).id


async def test_the_cap_holds_between_concurrent_claims(life: Life, sessions: Sessions) -> None:
    await life.queued(priority=5)
    await life.queued()  # the next head job of the same user, while the first claim is not committed
    async with sessions() as session:
        first = await leases.claim(session, owner="w1", running_per_user=1, lease_seconds=LEASE_SECONDS)
        assert first is not None
        claiming = asyncio.create_task(life.claim("w2", cap=1))
        await until_waiting(sessions, "transactionid")
        await session.commit()
    assert await claiming is None


async def test_the_cap_holds_for_a_claim_with_an_old_snapshot(
    life: Life, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the claim executes, a more urgent job of the same user is queued and claimed."""
    await life.queued()
    quick = transitions.CLAIM
    monkeypatch.setattr(
        transitions, "CLAIM", quick.replace("FROM turns JOIN", "FROM pg_sleep(0.5) CROSS JOIN turns JOIN")
    )
    claiming = asyncio.create_task(life.claim("w1", cap=1))
    await until_waiting(sessions, "PgSleep")
    monkeypatch.setattr(transitions, "CLAIM", quick)
    await life.queued(priority=5)
    assert await life.claim("w2", cap=1) is not None
    assert await claiming is None


async def test_a_claim_whose_commit_was_not_answered_is_found(life: Life, call: Call) -> None:
    known, lost, other = await life.running("w1"), await life.running("w1"), await life.running("w2")
    await life.queued()
    found = await call(leases.claimed, owner="w1", known=[known.job_id])
    assert leases.lease_of(found) == lost
    assert await call(leases.claimed, owner="w1", known=[known.job_id, lost.job_id]) is None
    assert await call(leases.claimed, owner="w2", known=[other.job_id]) is None
