"""Jobs in every state."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.jobs import leases
from db.jobs import queries as jobs
from db.jobs.leases import Backoff, Lease, Rescued
from db.jobs.quotas import Quotas
from db.tables import Attempt, Job
from tests.conftest import MakeUser, Sessions

QUOTAS = Quotas(queued_per_user=50)
LEASE_SECONDS = 30.0
MAX_FAILURES = MAX_LOSSES = 3
BACKOFF = Backoff(first_pause_seconds=1, max_pause_seconds=60)
ERROR = {"code": "stage_failed", "message": "It broke.", "stage": "generate"}
VIDEO: dict[str, Any] = {
    "kind": "video",
    "content_type": "video/mp4",
    "width": 64,
    "height": 64,
    "fps": 8.0,
    "frames": 8,
    "duration": 1.0,
    "size_bytes": 3,
    "sha256": "0" * 64,
}
BASE: dict[str, Any] = {**{k: v for k, v in VIDEO.items() if k not in ("kind", "duration")}, "plan": {"seed": 7}}

Call = Callable[..., Awaitable[Any]]


def video(lease: Lease) -> dict[str, Any]:
    return {**VIDEO, "key": f"jobs/{lease.job_id}/{lease.attempt}/video.mp4"}


def base(lease: Lease) -> dict[str, Any]:
    return {**BASE, "key": f"jobs/{lease.job_id}/{lease.attempt}/base.mkv"}


@pytest.fixture
def call(sessions: Sessions) -> Call:
    """Calls a function of `db` in its own transaction, as a request or a job step does."""

    async def run(function: Callable[..., Awaitable[Any]], *args: Any, **values: Any) -> Any:
        async with sessions() as session, session.begin():
            return await function(session, *args, **values)

    return run


@pytest.fixture
async def owner(make_user: MakeUser) -> UUID:
    return await make_user()


class Life:
    """Takes jobs from state to state, one transaction per step."""

    def __init__(self, call: Call, owner: UUID) -> None:
        self.call = call
        self.owner = owner

    async def queued(self, owner: UUID | None = None, **values: Any) -> Job:
        options: dict[str, Any] = {"spec": {"prompt": "a red circle"}, "seconds": 1.0, "quotas": QUOTAS, **values}
        job: Job = (await self.call(jobs.enqueue, owner_id=owner or self.owner, **options)).job
        return job

    async def claim(self, worker: str = "w1", cap: int = 100, **values: Any) -> Lease | None:
        options = {"owner": worker, "running_per_user": cap, "lease_seconds": LEASE_SECONDS, **values}
        job = await self.call(leases.claim, **options)
        return job and leases.lease_of(job)

    async def running(self, worker: str = "w1", owner: UUID | None = None, **values: Any) -> Lease:
        job = await self.queued(owner)
        lease = await self.claim(worker, **values)
        assert lease is not None
        assert lease.job_id == job.id
        return lease

    async def fail(self, lease: Lease, *, retry: bool, **values: Any) -> Job | None:
        options = {"error": ERROR, "max_failures": MAX_FAILURES, "backoff": BACKOFF, **values}
        job: Job | None = await self.call(leases.fail, lease, retry=retry, **options)
        return job

    async def keep_base(self, lease: Lease) -> bool:
        return bool(await self.call(leases.keep_base, lease, base(lease), days=7))

    async def rescue(self) -> list[Rescued]:
        rescued: list[Rescued] = await self.call(leases.rescue, max_losses=MAX_LOSSES, backoff=BACKOFF)
        return rescued

    async def run_next(self) -> UUID:
        """Claim the next job and publish it at once."""
        lease = await self.claim()
        assert lease is not None
        assert await self.call(
            leases.publish, lease, resolved={"seed": 7, "embed_prompt": False}, warnings=[], artifacts=[video(lease)]
        )
        return lease.job_id

    async def lost(self) -> tuple[Lease, Lease]:
        """An expired lease, and the lease of the next attempt, which is held by another worker."""
        old = await self.running("w1", lease_seconds=-1)
        assert [r.status for r in await self.rescue()] == ["queued"]
        await self.available(old.job_id)
        new = await self.claim("w2")
        assert new is not None
        assert (new.job_id, new.attempt) == (old.job_id, old.attempt + 1)
        return old, new

    async def available(self, job_id: UUID) -> None:
        """End the pause before the next attempt."""
        await self.change(job_id, "available_at = now()")

    async def change(self, job_id: UUID, assignment: str) -> None:
        async def update(session: Any) -> None:
            await session.execute(text(f"UPDATE jobs SET {assignment} WHERE id = :id"), {"id": job_id})

        await self.call(update)

    async def seen(self, job_id: UUID) -> Job:
        found = await self.call(jobs.by_ids, [job_id])
        assert len(found) == 1
        job: Job = found[0]
        return job

    async def succeeded(self) -> Lease:
        lease = await self.running()
        assert await self.call(
            leases.publish, lease, resolved={"seed": 7, "embed_prompt": False}, warnings=[], artifacts=[video(lease)]
        )
        return lease

    async def failed(self) -> Lease:
        lease = await self.running()
        assert await self.fail(lease, retry=False)
        return lease

    async def canceled(self) -> Job:
        job = await self.queued()
        await self.call(jobs.request_cancel, job.id, owner_id=self.owner)
        return job


@pytest.fixture
def life(call: Call, owner: UUID) -> Life:
    return Life(call, owner)


@pytest.fixture
async def unguarded(owner_engine: AsyncEngine) -> AsyncIterator[None]:
    """A database without the CHECK constraints that stop a statement that does not compare the state."""
    names = ("ck_jobs_running_is_owned", "ck_jobs_running_is_leased", "ck_jobs_canceled_on_request")
    async with owner_engine.begin() as connection:
        found = await connection.execute(
            text("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = ANY(:names)"),
            {"names": list(names)},
        )
        definitions = [tuple(row) for row in found]
        for name, _ in definitions:
            await connection.execute(text(f"ALTER TABLE jobs DROP CONSTRAINT {name}"))
    assert len(definitions) == 3
    yield
    async with owner_engine.begin() as connection:
        await connection.execute(text("TRUNCATE jobs CASCADE"))
        for name, definition in definitions:
            await connection.execute(text(f"ALTER TABLE jobs ADD CONSTRAINT {name} {definition}".replace(":", "\\:")))


async def attempts(sessions: Sessions, lease: Lease) -> list[tuple[int, str, str | None]]:
    async with sessions() as session:
        rows = await session.scalars(select(Attempt).where(Attempt.job_id == lease.job_id).order_by(Attempt.attempt))
        return [(row.attempt, row.lease_owner, row.outcome) for row in rows]


async def until_waiting(sessions: Sessions, event: str) -> None:
    """Wait until a connection waits for this event, for half a second at most."""
    query = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event = :event")
    for _ in range(50):
        async with sessions() as session:
            if await session.scalar(query, {"event": event}):
                return
        await asyncio.sleep(0.01)
