"""Jobs as their owners see them: submit, look, cancel, try again."""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from db import fair
from db.errors import IdempotencyKeyReuse, NotRetryable
from db.limits import Limits, check_limits
from db.models import TERMINAL, Artifact, Job, Status, User
from db.statement import TOUCHED, Statement, told

__all__ = ["Enqueued", "Limits", "Page"]


@dataclass(frozen=True, slots=True)
class Enqueued:
    job: Job
    replayed: bool  # the same Idempotency-Key was answered before: this is the job of then


@dataclass(frozen=True, slots=True)
class Page:
    data: list[Job]
    has_more: bool


async def enqueue(
    session: AsyncSession,
    *,
    owner_id: UUID,
    spec: dict[str, Any],
    seconds: float,
    limits: Limits,
    idempotency_key: str | None = None,
    request_hash: str | None = None,
    priority: int = 0,
    retried_from: UUID | None = None,
) -> Enqueued:
    """A new queued job, or the one that the same key made before.

    Raises QueueFull, QuotaExceeded or IdempotencyKeyReuse. Submissions of one user pass one after the other.
    """
    job = Job(
        owner_id=owner_id,
        spec=spec,
        seconds=seconds,
        charged_seconds=seconds,
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        priority=priority,
        retried_from=retried_from,
    )
    return await _submit(session, job, limits)


async def retry(
    session: AsyncSession,
    job_id: UUID,
    *,
    owner_id: UUID,
    limits: Limits,
    idempotency_key: str | None = None,
    request_hash: str | None = None,
) -> Enqueued | None:
    """A new job with the same spec, which goes on from the kept base clip; NotRetryable unless failed or canceled."""
    old = await get(session, job_id, owner_id=owner_id)
    if old is None:
        return None
    if old.status not in (Status.FAILED, Status.CANCELED):
        raise NotRetryable
    job = Job(
        owner_id=owner_id,
        spec=old.spec,
        seconds=old.seconds,
        charged_seconds=old.seconds,
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        priority=old.priority,
        reduced=old.reduced,
        retried_from=old.id,
        base=await _kept_base(session, old),
    )
    return await _submit(session, job, limits)


async def get(session: AsyncSession, job_id: UUID, *, owner_id: UUID) -> Job | None:
    return await session.scalar(_fresh.where(Job.id == job_id, Job.owner_id == owner_id))


async def page(
    session: AsyncSession,
    *,
    owner_id: UUID,
    limit: int,
    after: UUID | None = None,
    order: str = "desc",
    status: str | None = None,
    trashed: bool = False,
) -> Page:
    """The user's jobs by the time they were made, newest first unless `order` is 'asc', from after a job on.

    With `trashed` those in the trash, and otherwise none of them.
    """
    place = Job.trashed_at.is_not(None) if trashed else Job.trashed_at.is_(None)
    statement = _fresh.where(Job.owner_id == owner_id, place).limit(limit + 1)
    if status is not None:
        statement = statement.where(Job.status == status)
    if after is not None:
        statement = statement.where(Job.id > after if order == "asc" else Job.id < after)
    found = await session.scalars(statement.order_by(Job.id.asc() if order == "asc" else Job.id.desc()))
    data = list(found)
    return Page(data[:limit], has_more=len(data) > limit)


async def open_jobs(session: AsyncSession, owner_ids: Iterable[UUID]) -> list[Job]:
    """The jobs of these users that wait or run, oldest first."""
    waiting = Job.status.in_([Status.QUEUED, Status.RUNNING])
    return list(await session.scalars(_fresh.where(Job.owner_id.in_(list(owner_ids)), waiting).order_by(Job.id)))


async def newest(session: AsyncSession, owner_ids: Iterable[UUID], *, limit: int) -> list[Job]:
    """So many jobs of each of these users, the newest ones, in the trash or not."""
    own = select(Job.id).where(Job.owner_id == User.id).order_by(Job.id.desc()).limit(limit)
    each = own.correlate(User).lateral()
    ids = select(each.c.id).select_from(User).join(each, true()).where(User.id.in_(list(owner_ids)))
    return list(await session.scalars(_fresh.where(Job.id.in_(ids)).order_by(Job.id.desc())))


async def now(session: AsyncSession) -> datetime:
    """The database's clock, by which rows are stamped, as this transaction began."""
    return (await session.scalars(select(func.now()))).one()


async def by_ids(session: AsyncSession, ids: Iterable[UUID]) -> list[Job]:
    """These jobs, whoever owns them: for the gateway's fan-out, not for a request."""
    return list(await session.scalars(_fresh.where(Job.id.in_(list(ids)))))


async def artifacts(session: AsyncSession, job_id: UUID, *, owner_id: UUID) -> list[Artifact]:
    """What a succeeded job delivered: the objects of the attempt that succeeded, and no other's."""
    statement = (
        select(Artifact)
        .join(Job, (Job.id == Artifact.job_id) & (Job.attempt == Artifact.attempt))
        .where(Job.id == job_id, Job.owner_id == owner_id, Job.status == Status.SUCCEEDED, Artifact.kind != "base")
        .order_by(Artifact.id)
    )
    return list(await session.scalars(statement))


async def request_cancel(session: AsyncSession, job_id: UUID, *, owner_id: UUID) -> Job | None:
    """Ask a job to stop: a waiting one is canceled at once, a running one is asked, an ended one stays as it is."""
    found = select(Job).from_statement(CANCEL.text).execution_options(populate_existing=True)
    job = await session.scalar(found, {"job_id": job_id, "owner_id": owner_id})
    return job or await get(session, job_id, owner_id=owner_id)


async def queue_position(session: AsyncSession, job: Job) -> int | None:
    """How many jobs start before this one does, itself counted: 1 is the next. None when it does not wait."""
    if job.status != Status.QUEUED:
        return None
    rows = await session.execute(_POSITIONS, {"owner_ids": [job.owner_id], "job_id": job.id})
    return next((row.position for row in rows if row.id == job.id), None)


async def queue_positions(session: AsyncSession, owner_ids: Iterable[UUID]) -> dict[UUID, dict[UUID, int]]:
    """The places in line of all waiting jobs of these users, one dictionary for each of them."""
    positions: dict[UUID, dict[UUID, int]] = {owner_id: {} for owner_id in owner_ids}
    if positions:
        for row in await session.execute(_POSITIONS, {"owner_ids": list(positions), "job_id": None}):
            positions[row.owner_id][row.id] = row.position
    return positions


# A job claimed meanwhile is asked, not canceled: the CASE sees the row as it is under the lock.
CANCEL = Statement(
    f"""
    UPDATE jobs SET
        cancel_requested_at = now(),
        status = CASE status WHEN 'queued' THEN 'canceled' ELSE status END,
        finished_at = CASE status WHEN 'queued' THEN now() END,
        charged_seconds = CASE status WHEN 'queued' THEN 0 ELSE charged_seconds END,
        {TOUCHED}
    WHERE <job> AND <owner> AND <open> AND <first>
    RETURNING jobs.*, {told("CASE jobs.status WHEN 'canceled' THEN 'status' ELSE 'cancel' END")}
    """,
    {
        "job": "id = :job_id",
        "owner": "owner_id = :owner_id",
        "open": "status IN ('queued', 'running')",
        "first": "cancel_requested_at IS NULL",
    },
)

_POSITIONS = text(fair.POSITIONS)
_fresh = select(Job).execution_options(populate_existing=True)


async def _submit(session: AsyncSession, job: Job, limits: Limits) -> Enqueued:
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:user, 0))"), {"user": str(job.owner_id)})
    if before := await _answered_before(session, job):
        return Enqueued(before, replayed=True)
    await check_limits(session, job.owner_id, job.seconds, limits)
    session.add(job)
    await session.flush()
    await session.refresh(job)
    await session.execute(select(text(told("'enqueued'"))).select_from(Job).where(Job.id == job.id))
    return Enqueued(job, replayed=False)


async def _answered_before(session: AsyncSession, job: Job) -> Job | None:
    if job.idempotency_key is None:
        return None
    same_key = (Job.owner_id == job.owner_id) & (Job.idempotency_key == job.idempotency_key)
    before = await session.scalar(_fresh.where(same_key))
    if before is not None and before.request_hash != job.request_hash:
        raise IdempotencyKeyReuse
    return before


async def _kept_base(session: AsyncSession, old: Job) -> dict[str, Any] | None:
    """The base clip that a new job may start from; the row lock keeps the sweeper away until we commit."""
    if old.base is None or old.status not in TERMINAL:
        return None
    kept = select(Artifact.id).where(Artifact.key == old.base["key"], Artifact.expires_at > func.now())
    return old.base if await session.scalar(kept.with_for_update(read=True)) else None
