"""Jobs as workers use them: claim, heartbeat, progress, the end of an attempt, rescue.

A worker holds a job through its Lease. Each function is one conditional statement on the database's clock, which
changes the job only while it is running, in the claimed attempt, and leased to this owner. None or False means that the
worker is fenced: another attempt may be running, so it must delete its own objects and write nothing more.

Retry limits, pauses and durations come from the caller, which reads them from the settings.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import TextualSelect

from db.ids import uuid7
from db.jobs import fair_queue, transitions
from db.tables import Artifact, Attempt, Job, Json, Status

_JOB_COLUMNS: Final = {column.name: column.type for column in Job.__table__.columns}
# The fields of a base clip that its row in `artifacts` repeats.
_BASE_COLUMNS: Final = ("key", "content_type", "width", "height", "fps", "frames", "size_bytes", "sha256")


@dataclass(frozen=True, slots=True)
class Lease:
    job_id: UUID
    attempt: int
    owner: str


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pause before the next attempt: it doubles from the first to the longest, with jitter of 50 %."""

    first_pause_seconds: float
    max_pause_seconds: float


@dataclass(frozen=True, slots=True)
class Beat:
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Rescued:
    job_id: UUID
    attempt: int
    # queued, failed (worker_lost) or canceled
    status: str
    lost_by: str


def lease_of(job: Job) -> Lease:
    """The lease under which a job was just claimed."""
    return Lease(job.id, job.attempt, job.lease_owner or "")


async def claim(session: AsyncSession, *, owner: str, running_per_user: int, lease_seconds: float) -> Job | None:
    """Lease the next job in the fair order to this owner; None if no job can start now.

    One statement, unless it finds nothing: pauses that have ended are put into the order then, and turns that another
    transaction holds are waited for.
    """
    values = {"owner": owner, "running_per_user": running_per_user, "lease_seconds": lease_seconds}
    if job := await _job(session, transitions.CLAIM, {**values, "unless_due": True}):
        return job
    woken = await session.scalar(text(fair_queue.WAKE))
    waiting = await session.scalar(text(fair_queue.WAIT_FOR_TURN), {"running_per_user": running_per_user})
    if not woken and waiting is None:
        return None
    return await _job(session, transitions.CLAIM, {**values, "unless_due": False})


async def claimed(session: AsyncSession, *, owner: str, known: Collection[UUID]) -> Job | None:
    """A job leased to this owner that is not among the known ones: the answer to the COMMIT of a claim was lost."""
    await session.execute(text(fair_queue.WAIT_FOR_CLAIMS))
    unknown = select(Job).where(Job.status == Status.RUNNING, Job.lease_owner == owner, Job.id.not_in(known))
    return await session.scalar(unknown.limit(1).execution_options(populate_existing=True))


async def beat(session: AsyncSession, lease: Lease, *, lease_seconds: float) -> Beat | None:
    """Renew the lease, and read whether a cancel was requested."""
    values = {**_fence(lease), "lease_seconds": lease_seconds}
    row = (await session.execute(text(transitions.BEAT), values)).one_or_none()
    return None if row is None else Beat(row.cancel_requested)


async def progress(
    session: AsyncSession,
    lease: Lease,
    *,
    progress: dict[str, Any],
    eta_seconds: float | None,
    preview_key: str | None = None,
) -> bool:
    """Publish the job's progress. Its value never falls, within an attempt or across attempts.

    NOTIFY takes a lock at commit, so use a transaction of its own.
    """
    values = {"progress": json.dumps(progress), "eta_seconds": eta_seconds, "preview_key": preview_key}
    return await _holds(session, transitions.PROGRESS, lease, values)


async def keep_base(session: AsyncSession, lease: Lease, base: Mapping[str, Any], *, days: float) -> bool:
    """Record the base clip, to be kept for some days. Its shape: `pipeline/contract/base_clip.py`."""
    if not await _holds(session, transitions.KEEP_BASE, lease, {"base": json.dumps(dict(base))}):
        return False
    await session.execute(
        insert(Artifact)
        .values(
            job_id=lease.job_id,
            attempt=lease.attempt,
            kind="base",
            duration=base["frames"] / base["fps"],
            expires_at=func.now() + timedelta(days=days),
            **{name: base[name] for name in _BASE_COLUMNS},
        )
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
    """End the job as succeeded, and make its video with these objects, one of which has the kind `video`.

    False, and no change, if fenced or if a cancel was accepted.
    """
    (video,) = [artifact for artifact in artifacts if artifact["kind"] == "video"]
    values = {
        "video": json.dumps(video),
        "resolved": json.dumps(resolved),
        "warnings": json.dumps(warnings),
        "artifacts": json.dumps([{"id": str(uuid7()), **artifact} for artifact in artifacts]),
    }
    return await _holds(session, transitions.PUBLISH, lease, values)


async def fail(
    session: AsyncSession,
    lease: Lease,
    *,
    error: dict[str, Any],
    retry: bool,
    max_failures: int,
    backoff: Backoff,
    reduced: bool = False,
) -> Job | None:
    """End the attempt as failed, and queue the job again after a pause, or end it as failed or canceled.

    `retry`: whether another attempt may succeed; `reduced` makes all later attempts use the reduced plan.
    """
    values = {"error": json.dumps(error), "retry": retry, "reduced": reduced, "max_failures": max_failures}
    return await _job(session, transitions.FAIL, {**_fence(lease), **asdict(backoff), **values})


async def cancel(session: AsyncSession, lease: Lease) -> bool:
    """End the job as canceled, after a cancel was requested."""
    return await _holds(session, transitions.CANCEL, lease, {})


async def give_back(session: AsyncSession, lease: Lease) -> bool:
    """Queue the job again without a pause, because the worker shuts down. Counts neither as failure nor as loss."""
    return await _holds(session, transitions.GIVE_BACK, lease, {})


async def rescue(session: AsyncSession, *, max_losses: int, backoff: Backoff, limit: int = 100) -> list[Rescued]:
    """End the attempts whose lease has expired. A job that was lost `max_losses` times fails with worker_lost."""
    values = {**asdict(backoff), "max_losses": max_losses, "limit": limit}
    rows = await session.execute(text(transitions.RESCUE), values)
    return [Rescued(row.id, row.attempt, row.status, row.lost_by) for row in rows]


async def outcome(session: AsyncSession, lease: Lease) -> str | None:
    """How an attempt ended, for a worker that lost the answer to a COMMIT; None while the attempt is open."""
    return await session.scalar(
        select(Attempt.outcome).where(
            Attempt.job_id == lease.job_id, Attempt.attempt == lease.attempt, Attempt.lease_owner == lease.owner
        )
    )


def _fence(lease: Lease) -> Json:
    return {"job_id": lease.job_id, "attempt": lease.attempt, "owner": lease.owner}


async def _holds(session: AsyncSession, statement: str, lease: Lease, values: Json) -> bool:
    return (await session.execute(text(statement), {**_fence(lease), **values})).first() is not None


async def _job(session: AsyncSession, statement: str, values: Json) -> Job | None:
    row = (await session.execute(_typed(statement), values)).mappings().first()
    return None if row is None else Job(**{name: row[name] for name in _JOB_COLUMNS})


@cache
def _typed(statement: str) -> TextualSelect:
    """A statement that returns the columns of a job. A Job of the ORM would cost twice as much."""
    return text(statement).columns(**_JOB_COLUMNS)
