"""The maintained rows of `turns` equal the rows computed anew, and the claims keep the order computed anew."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import text

from db.jobs import fair_queue, leases, trash
from db.jobs import queries as jobs
from db.jobs.leases import Backoff, Lease
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Life, until_waiting, video
from tests.db.jobs import reference
from tests.db.jobs.test_claim import LOCK_TURN

SOON, LATER = Backoff(0.001, 0.001), Backoff(3600, 3600)
STEPS: Final = 120
# After this time no pause ends until the next step, so that all statements in between see the same jobs.
LONGEST_SOON_SECONDS: Final = 0.004


class Walk:
    """Random changes of the jobs of a few users."""

    def __init__(self, life: Life, owners: list[UUID], seed: int) -> None:
        self.life, self.owners = life, owners
        self.random = random.Random(seed)
        self.leases: list[Lease] = []

    async def step(self) -> None:
        changes: dict[Callable[[], Awaitable[Any]], int] = {
            self.enqueue: 6, self.claim: 6, self.publish: 2, self.fail: 2, self.give_back: 1, self.cancel: 2,
            self.cancel_running: 1, self.lose: 1, self.purge: 1, self.reorder: 1, self.end_pause: 2, self.forget: 1,
        }  # fmt: skip
        await self.random.choices(list(changes), list(changes.values()))[0]()

    async def enqueue(self) -> None:
        owner = self.random.choice(self.owners)
        await self.life.queued(owner, priority=self.random.choice([0, 0, 0, 1]))

    async def claim(self) -> None:
        lease = await self.life.claim(cap=self.random.choice([2, 3, 100]))
        self.leases += [lease] if lease else []

    def _lease(self) -> Lease | None:
        self.random.shuffle(self.leases)
        return self.leases.pop() if self.leases else None

    async def publish(self) -> None:
        if lease := self._lease():
            await self.life.call(leases.publish, lease, resolved={}, warnings=[], artifacts=[video(lease)])

    async def fail(self) -> None:
        if lease := self._lease():
            retry = self.random.random() < 0.7
            await self.life.fail(lease, retry=retry, backoff=self.random.choice([SOON, LATER]), max_failures=9)

    async def give_back(self) -> None:
        if lease := self._lease():
            await self.life.call(leases.give_back, lease)

    async def cancel_running(self) -> None:
        if lease := self._lease():
            owner = (await self._one("SELECT owner_id FROM jobs WHERE id = :id", id=lease.job_id)) or UUID(int=0)
            await self.life.call(jobs.request_cancel, lease.job_id, owner_id=owner)
            await self.life.call(leases.cancel, lease)

    async def lose(self) -> None:
        if lease := self._lease():
            await self._run("UPDATE jobs SET lease_expires_at = now() WHERE id = :id AND status = 'running'", lease)
            await self.life.call(leases.rescue, max_losses=3, backoff=self.random.choice([SOON, LATER]))

    async def cancel(self) -> None:
        found = "SELECT id, owner_id FROM jobs WHERE status = 'queued' ORDER BY md5(id::text || :salt) LIMIT 1"
        for row in await self._rows(found, salt=str(self.random.random())):
            await self.life.call(jobs.request_cancel, row.id, owner_id=row.owner_id)

    async def purge(self) -> None:
        ended = "SELECT id, owner_id FROM jobs WHERE finished_at IS NOT NULL ORDER BY started_at DESC LIMIT 2"
        for row in await self._rows(ended):
            await self.life.call(trash.move_to_trash, row.id, owner_id=row.owner_id)
        await self.life.call(trash.purge, days=0, limit=10)

    async def reorder(self) -> None:
        """A change that no statement of ours makes."""
        chosen = "SELECT id FROM jobs WHERE owner_id = :owner AND status = 'queued' ORDER BY id LIMIT 3"
        column = self.random.choice(
            ["priority = 1 - priority", "created_at = created_at - interval '1 s'", "available_at = now()"]
        )
        await self._run(f"UPDATE jobs SET {column} WHERE id IN ({chosen})", owner=self.random.choice(self.owners))

    async def end_pause(self) -> None:
        await self._run(
            "UPDATE jobs SET available_at = clock_timestamp() + interval '2 ms' WHERE id = "
            "(SELECT id FROM jobs WHERE status = 'queued' AND available_at > now() + interval '1 s' LIMIT 1)"
        )

    async def forget(self) -> None:
        """Delete the jobs of a user, as the deletion of the account does."""
        if self.random.random() < 0.3:
            await self._run("DELETE FROM jobs WHERE owner_id = :owner", owner=self.random.choice(self.owners))

    async def _run(self, sql: str, lease: Lease | None = None, **values: Any) -> None:
        async def run(session: Any) -> None:
            await session.execute(text(sql), {**values, **({"id": lease.job_id} if lease else {})})

        await self.life.call(run)

    async def _rows(self, sql: str, **values: Any) -> list[Any]:
        async def run(session: Any) -> list[Any]:
            return list(await session.execute(text(sql), values))

        rows: list[Any] = await self.life.call(run)
        return rows

    async def _one(self, sql: str, **values: Any) -> Any:
        rows = await self._rows(sql, **values)
        return rows[0][0] if rows else None


@pytest.mark.parametrize("seed", [1, 2])
async def test_turns_equal_the_rows_computed_anew_and_claims_keep_their_order(
    life: Life, make_user: MakeUser, sessions: Sessions, seed: int
) -> None:
    walk = Walk(life, [life.owner, *[await make_user() for _ in range(5)]], seed)
    claims = 0
    for step in range(STEPS):
        await walk.step()
        await asyncio.sleep(LONGEST_SOON_SECONDS)
        async with sessions() as session, session.begin():
            assert await reference.differences(session) == set(), f"after step {step}"
            expected = await reference.order(session, running_per_user=2)
        if step % 4 == 0:
            lease = await life.claim(cap=2)
            assert (lease and lease.job_id) == (expected[0] if expected else None), f"after step {step}"
            walk.leases += [lease] if lease else []
            claims += lease is not None
    assert claims > STEPS / 20


async def test_turns_equal_the_rows_computed_anew_after_concurrent_changes(
    life: Life, make_user: MakeUser, sessions: Sessions
) -> None:
    owners = [life.owner, *[await make_user() for _ in range(3)]]
    walks = [Walk(life, owners, seed) for seed in range(8)]

    async def run(walk: Walk) -> None:
        for _ in range(STEPS // 3):
            await walk.step()

    await asyncio.gather(*(run(walk) for walk in walks))
    await asyncio.sleep(LONGEST_SOON_SECONDS)
    async with sessions() as session, session.begin():
        assert await reference.differences(session) == set()


async def _turn(sessions: Sessions, owner: UUID) -> tuple[int, int] | None:
    async with sessions() as session:
        found = await session.execute(text("SELECT queued, running FROM turns WHERE owner_id = :id"), {"id": owner})
        row = found.one_or_none()
        return row and (row.queued, row.running)


async def test_a_turn_counts_the_jobs_of_its_user(life: Life, sessions: Sessions) -> None:
    queued = [await life.queued() for _ in range(4)]
    assert await _turn(sessions, life.owner) == (4, 0)
    first, second = await life.claim(), await life.claim()
    assert await _turn(sessions, life.owner) == (2, 2)
    assert first is not None
    assert second is not None
    await life.fail(first, retry=True)
    assert await _turn(sessions, life.owner) == (3, 1)
    await life.call(leases.publish, second, resolved={}, warnings=[], artifacts=[video(second)])
    await life.call(jobs.request_cancel, queued[2].id, owner_id=life.owner)
    assert await _turn(sessions, life.owner) == (2, 0)
    async with sessions() as session, session.begin():
        await session.execute(text("DELETE FROM jobs WHERE id = :id"), {"id": queued[3].id})
    assert await _turn(sessions, life.owner) == (1, 0)


async def test_a_turn_ends_with_the_jobs_of_its_user(life: Life, make_user: MakeUser, sessions: Sessions) -> None:
    other = await make_user()
    await life.queued()
    await life.queued(other)
    async with sessions() as session, session.begin():
        await session.execute(text("DELETE FROM users WHERE id = :id"), {"id": life.owner})
    assert (await _turn(sessions, life.owner), await _turn(sessions, other)) == (None, (1, 0))


async def test_a_turn_that_was_lost_is_made_again(life: Life, sessions: Sessions) -> None:
    await life.running()
    async with sessions() as session, session.begin():
        await session.execute(text("DELETE FROM turns"))
    await life.queued()
    async with sessions() as session, session.begin():
        assert await reference.differences(session) == set()


async def test_a_change_that_waits_sees_the_one_before(life: Life, sessions: Sessions) -> None:
    first = await life.queued()
    async with sessions() as session:
        await session.execute(text("UPDATE jobs SET priority = 5 WHERE id = :id"), {"id": first.id})
        enqueuing = asyncio.create_task(life.queued(priority=1))
        await until_waiting(sessions, "transactionid")
        await session.commit()
    await enqueuing
    lease = await life.claim()
    assert lease is not None
    assert lease.job_id == first.id


async def test_only_ended_pauses_are_woken(life: Life, sessions: Sessions) -> None:
    job = await life.queued()
    for pause, woken in (("1 hour", 0), ("1 ms", 1)):
        await life.change(job.id, f"available_at = clock_timestamp() + interval '{pause}'")
        await asyncio.sleep(LONGEST_SOON_SECONDS)
        async with sessions() as session, session.begin():
            assert await session.scalar(text(fair_queue.WAKE)) == woken


async def test_a_rescue_locks_no_turn_of_another_user(life: Life, make_user: MakeUser, sessions: Sessions) -> None:
    other = await make_user()
    await life.running(lease_seconds=-1)
    await life.queued(other)
    async with sessions() as session, sessions() as probe:
        assert len(await leases.rescue(session, max_losses=3, backoff=LATER)) == 1
        await probe.execute(text(f"{LOCK_TURN.text} NOWAIT"), {"id": other})


async def test_a_rescue_does_not_wait_for_a_turn(life: Life, make_user: MakeUser, sessions: Sessions) -> None:
    """Two rescues that wait for the turns of the same users in different orders would deadlock."""
    await life.running(lease_seconds=-1)
    second = await life.running(lease_seconds=-1, owner=await make_user())
    async with sessions() as session:
        await session.execute(LOCK_TURN, {"id": life.owner})
        async with asyncio.timeout(1):
            assert [rescued.job_id for rescued in await life.rescue()] == [second.job_id]
    assert len(await life.rescue()) == 1


async def test_a_job_without_a_turn_is_rescued(life: Life, sessions: Sessions) -> None:
    """As after a restore of the database without triggers."""
    await life.running(lease_seconds=-1)
    async with sessions() as session, session.begin():
        await session.execute(text("DELETE FROM turns"))
    assert len(await life.rescue()) == 1
