"""Jobs as workers see them. Each function is one conditional statement on the database's clock.

A worker owns a job through its Lease. Whatever it writes holds only while the job is running, in the attempt it
claimed and under its name; None or False says that this is over ("fenced"): drop your own objects and say nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db import moves
from db.models import Artifact, Attempt, Job, Json, Status
from db.rates import learn_rate, rates

__all__ = ["learn_rate", "rates"]

LEASE_SECONDS = 30
BASE_DAYS = 7
_KEPT = ("key", "content_type", "width", "height", "fps", "frames", "size_bytes", "sha256")
_LATER = func.now() + timedelta(days=BASE_DAYS)


@dataclass(frozen=True, slots=True)
class Lease:
    job_id: UUID
    attempt: int
    owner: str


@dataclass(frozen=True, slots=True)
class Beat:
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Rescued:
    job_id: UUID
    attempt: int
    status: str  # queued, failed (worker_lost) or canceled
    lost_by: str


def lease_of(job: Job) -> Lease:
    """The lease under which a job was just claimed."""
    return Lease(job.id, job.attempt, job.lease_owner or "")


async def claim(
    session: AsyncSession, *, owner: str, running_per_user: int, lease_seconds: float = LEASE_SECONDS
) -> Job | None:
    """The next job in the fair order, now running under this owner's lease; None when there is none to start."""
    await session.execute(moves.ONE_CLAIM_AT_A_TIME)
    values = {"owner": owner, "running_per_user": running_per_user, "lease_seconds": lease_seconds}
    return await _job(session, moves.CLAIM, values)


async def claimed(session: AsyncSession, *, owner: str, known: Collection[UUID]) -> Job | None:
    """A job that this owner holds without knowing: the answer to the COMMIT of a claim was lost."""
    await session.execute(moves.ONE_CLAIM_AT_A_TIME)  # a claim that is still under way at the server ends first
    unheard = select(Job).where(Job.status == Status.RUNNING, Job.lease_owner == owner, Job.id.not_in(known))
    return await session.scalar(unheard.limit(1).execution_options(populate_existing=True))


async def beat(session: AsyncSession, lease: Lease, *, lease_seconds: float = LEASE_SECONDS) -> Beat | None:
    """Hold the lease for another while, and hear whether the owner of the job wants it canceled."""
    row = (await session.execute(moves.BEAT.text, {**_held(lease), "lease_seconds": lease_seconds})).one_or_none()
    return None if row is None else Beat(row.cancel_requested)


async def progress(
    session: AsyncSession,
    lease: Lease,
    *,
    progress: dict[str, Any],
    eta_seconds: float | None,
    preview_key: str | None = None,
) -> bool:
    """Show how far the job is. The value shown never falls, within an attempt or across attempts.

    It tells all listeners, which takes a lock at commit: give it a transaction of its own.
    """
    values = {**_held(lease), "progress": progress, "eta_seconds": eta_seconds, "preview_key": preview_key}
    return await _holds(session, moves.PROGRESS, values)


async def keep_base(session: AsyncSession, lease: Lease, base: dict[str, Any]) -> bool:
    """Remember the base clip for some days: what _KEPT names, and the plan that made it."""
    if not await _holds(session, moves.KEEP_BASE, {**_held(lease), "base": base}):
        return False
    row = {name: base[name] for name in _KEPT}
    duration = base["frames"] / base["fps"]
    await session.execute(
        insert(Artifact)
        .values(job_id=lease.job_id, attempt=lease.attempt, kind="base", duration=duration, expires_at=_LATER, **row)
        .on_conflict_do_nothing()
    )
    return True


async def publish(
    session: AsyncSession,
    lease: Lease,
    *,
    resolved: dict[str, Any],
    warnings: list[str],
    artifacts: list[dict[str, Any]],
) -> bool:
    """The job succeeds with these objects, unless it is fenced or a cancel was accepted: then nothing is written."""
    if not await _holds(session, moves.PUBLISH, {**_held(lease), "resolved": resolved, "warnings": warnings}):
        return False
    session.add_all(Artifact(job_id=lease.job_id, attempt=lease.attempt, **artifact) for artifact in artifacts)
    await session.flush()
    return True


async def fail(
    session: AsyncSession,
    lease: Lease,
    *,
    error: dict[str, Any],
    retry: bool,
    reduced: bool = False,
    max_failures: int = 3,
) -> Job | None:
    """The attempt failed: queued again after a pause if it may be tried again, else failed; canceled if asked to."""
    values = {**_held(lease), "error": error, "retry": retry, "reduced": reduced, "max_failures": max_failures}
    return await _job(session, moves.FAIL, values)


async def cancel(session: AsyncSession, lease: Lease) -> bool:
    """The worker stopped because it was asked to."""
    return await _holds(session, moves.CANCEL, _held(lease))


async def give_back(session: AsyncSession, lease: Lease) -> bool:
    """The worker is being shut down: the job waits again at once, with no failure or loss charged."""
    return await _holds(session, moves.GIVE_BACK, _held(lease))


async def rescue(session: AsyncSession, *, max_losses: int = 3, limit: int = 100) -> list[Rescued]:
    """Take jobs away from workers whose lease has expired; one that was lost too often is parked as failed."""
    rows = await session.execute(moves.RESCUE.text, {"max_losses": max_losses, "limit": limit})
    return [Rescued(row.id, row.attempt, row.status, row.lost_by) for row in rows]


async def outcome(session: AsyncSession, lease: Lease) -> str | None:
    """How an attempt ended, read again after the answer to a COMMIT was lost; None while it is open."""
    return await session.scalar(
        select(Attempt.outcome).where(
            Attempt.job_id == lease.job_id, Attempt.attempt == lease.attempt, Attempt.lease_owner == lease.owner
        )
    )


def _held(lease: Lease) -> Json:
    return {"job_id": lease.job_id, "attempt": lease.attempt, "owner": lease.owner}


async def _holds(session: AsyncSession, statement: moves.Statement, values: Json) -> bool:
    return (await session.execute(statement.text, values)).first() is not None


async def _job(session: AsyncSession, statement: moves.Statement, values: Json) -> Job | None:
    found = select(Job).from_statement(statement.text).execution_options(populate_existing=True)
    return await session.scalar(found, values)
