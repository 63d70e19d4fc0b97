"""Jobs at every stage of their life."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from db import jobs, work
from db.jobs import Limits
from db.models import Attempt, Job
from db.work import Lease
from tests.conftest import MakeUser, Sessions

LIMITS = Limits(queued_per_user=50)
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
    """Calls a function of `db` in a transaction of its own, as a request or a job step does."""

    async def run(function: Callable[..., Awaitable[Any]], *args: Any, **values: Any) -> Any:
        async with sessions() as session, session.begin():
            return await function(session, *args, **values)

    return run


@pytest.fixture
async def owner(make_user: MakeUser) -> UUID:
    return await make_user()


class Life:
    """Moves jobs along, each step committed."""

    def __init__(self, call: Call, owner: UUID) -> None:
        self.call = call
        self.owner = owner

    async def queued(self, owner: UUID | None = None, **values: Any) -> Job:
        options: dict[str, Any] = {"spec": {"prompt": "a red circle"}, "seconds": 1.0, "limits": LIMITS, **values}
        job: Job = (await self.call(jobs.enqueue, owner_id=owner or self.owner, **options)).job
        return job

    async def claim(self, worker: str = "w1", cap: int = 100, **values: Any) -> Lease | None:
        job = await self.call(work.claim, owner=worker, running_per_user=cap, **values)
        return job and work.lease_of(job)

    async def running(self, worker: str = "w1", owner: UUID | None = None, **values: Any) -> Lease:
        job = await self.queued(owner)
        lease = await self.claim(worker, **values)
        assert lease is not None
        assert lease.job_id == job.id
        return lease

    async def short(self) -> UUID:
        """The next job, which ends as soon as it has started."""
        lease = await self.claim()
        assert lease is not None
        assert await self.call(work.publish, lease, resolved={"seed": 7}, warnings=[], artifacts=[video(lease)])
        return lease.job_id

    async def lost(self) -> tuple[Lease, Lease]:
        """The lease of a worker that went silent, and the one of the next worker on the same job."""
        old = await self.running("w1", lease_seconds=-1)
        assert [r.status for r in await self.call(work.rescue)] == ["queued"]
        await self.available(old.job_id)
        new = await self.claim("w2")
        assert new is not None
        assert (new.job_id, new.attempt) == (old.job_id, old.attempt + 1)
        return old, new

    async def available(self, job_id: UUID) -> None:
        """As if the pause before the next try were over."""
        await self.change(job_id, "available_at = now()")

    async def expire(self, job_id: UUID) -> None:
        await self.change(job_id, "lease_expires_at = now() - interval '1 second'")

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
        assert await self.call(work.publish, lease, resolved={"seed": 7}, warnings=[], artifacts=[video(lease)])
        return lease

    async def failed(self) -> Lease:
        lease = await self.running()
        assert await self.call(work.fail, lease, error=ERROR, retry=False)
        return lease

    async def canceled(self) -> Job:
        job = await self.queued()
        await self.call(jobs.request_cancel, job.id, owner_id=self.owner)
        return job


@pytest.fixture
def life(call: Call, owner: UUID) -> Life:
    return Life(call, owner)


@pytest.fixture
async def unguarded(engine: AsyncEngine) -> AsyncIterator[None]:
    """Without the CHECK constraints that would hold even if a statement forgot to look at the state."""
    names = ("ck_jobs_running_is_owned", "ck_jobs_running_is_leased", "ck_jobs_canceled_on_request")
    async with engine.begin() as connection:
        found = await connection.execute(
            text("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = ANY(:names)"),
            {"names": list(names)},
        )
        definitions = [tuple(row) for row in found]
        for name, _ in definitions:
            await connection.execute(text(f"ALTER TABLE jobs DROP CONSTRAINT {name}"))
    assert len(definitions) == 3
    yield
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE jobs CASCADE"))
        for name, definition in definitions:
            await connection.execute(text(f"ALTER TABLE jobs ADD CONSTRAINT {name} {definition}".replace(":", "\\:")))


async def attempts(sessions: Sessions, lease: Lease) -> list[tuple[int, str, str | None]]:
    async with sessions() as session:
        rows = await session.scalars(select(Attempt).where(Attempt.job_id == lease.job_id).order_by(Attempt.attempt))
        return [(row.attempt, row.lease_owner, row.outcome) for row in rows]


async def until_waiting(sessions: Sessions, event: str) -> None:
    """Wait until some connection hangs in this event, or for a second."""
    query = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event = :event")
    for _ in range(50):
        async with sessions() as session:
            if await session.scalar(query, {"event": event}):
                return
        await asyncio.sleep(0.01)
