"""Jobs as their owners use them: submit, read, cancel, retry."""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import IdempotencyKeyReuse, NotRetryable
from db.jobs.quotas import Quotas, check_quotas
from db.jobs.sql import TOUCHED, notify
from db.keyset import page_of
from db.tables import Artifact, Job, Status, Video

# Rows as they are in the database, although the session may hold an older copy.
_fresh: Final = select(Job).execution_options(populate_existing=True)


@dataclass(frozen=True, slots=True)
class Enqueued:
    job: Job
    # True: the existing job, returned for this Idempotency-Key.
    replayed: bool


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
    quotas: Quotas,
    idempotency_key: str | None = None,
    request_hash: str | None = None,
    priority: int = 0,
    retried_from: UUID | None = None,
    base: dict[str, Any] | None = None,
    reduced: bool = False,
) -> Enqueued:
    """A new queued job, or the existing job of this Idempotency-Key. With a base clip the job draws no frames.

    Raises QueueFull, QuotaExceeded or IdempotencyKeyReuse. An advisory lock serialises the submissions of one user.
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
        base=base,
        reduced=reduced,
    )
    return await _submit(session, job, quotas)


async def retry(
    session: AsyncSession,
    job_id: UUID,
    *,
    owner_id: UUID,
    quotas: Quotas,
    idempotency_key: str | None = None,
    request_hash: str | None = None,
) -> Enqueued | None:
    """A new job with the same spec that continues from the kept base clip; NotRetryable unless failed or canceled."""
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
        base=old.base if old.base and await lock_base(session, old.base) else None,
    )
    return await _submit(session, job, quotas)


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
    """A page of the user's jobs by creation time, newest first unless `order` is 'asc'.

    `after` is the last job of the page before. `trashed` selects the jobs in the trash instead of the others.
    """
    place = Job.trashed_at.is_not(None) if trashed else Job.trashed_at.is_(None)
    statement = _fresh.where(Job.owner_id == owner_id, place)
    if status is not None:
        statement = statement.where(Job.status == status)
    data = list(await session.scalars(page_of(statement, Job.id, limit=limit, after=after, order=order)))
    return Page(data[:limit], has_more=len(data) > limit)


async def open_jobs(session: AsyncSession, owner_ids: Iterable[UUID]) -> list[Job]:
    """The queued and running jobs of these users, oldest first."""
    is_open = Job.status.in_([Status.QUEUED, Status.RUNNING])
    return list(await session.scalars(_fresh.where(Job.owner_id.in_(list(owner_ids)), is_open).order_by(Job.id)))


async def now(session: AsyncSession) -> datetime:
    """The database's time at the start of this transaction, the clock of all timestamps in rows."""
    return (await session.scalars(select(func.now()))).one()


async def by_ids(session: AsyncSession, ids: Iterable[UUID]) -> list[Job]:
    """These jobs regardless of their owner: never for a request."""
    return list(await session.scalars(_fresh.where(Job.id.in_(list(ids)))))


async def artifacts(session: AsyncSession, job_id: UUID, *, owner_id: UUID) -> list[Artifact]:
    """The objects of the job's video; none of a job that has not succeeded."""
    statement = (
        select(Artifact)
        .join(Video, Video.id == Artifact.video_id)
        .where(Video.job_id == job_id, Video.owner_id == owner_id)
        .order_by(Artifact.id)
    )
    return list(await session.scalars(statement))


async def request_cancel(session: AsyncSession, job_id: UUID, *, owner_id: UUID) -> Job | None:
    """Cancel a queued job, or request the cancel of a running one; a job in a terminal state does not change."""
    found = select(Job).from_statement(text(CANCEL)).execution_options(populate_existing=True)
    job = await session.scalar(found, {"job_id": job_id, "owner_id": owner_id})
    return job or await get(session, job_id, owner_id=owner_id)


# A job that was claimed while this statement waited for the row lock is running now: CASE reads the locked row.
CANCEL: Final = f"""UPDATE jobs SET
        cancel_requested_at = now(),
        status = CASE status WHEN 'queued' THEN 'canceled' ELSE status END,
        finished_at = CASE status WHEN 'queued' THEN now() END,
        charged_seconds = CASE status WHEN 'queued' THEN 0 ELSE charged_seconds END,
        {TOUCHED}
    WHERE id = :job_id AND owner_id = :owner_id AND status IN ('queued', 'running') AND cancel_requested_at IS NULL
    RETURNING jobs.*, NULL::uuid AS video_id,
        {notify("CASE jobs.status WHEN 'canceled' THEN 'status' ELSE 'cancel' END")}"""


async def _submit(session: AsyncSession, job: Job, quotas: Quotas) -> Enqueued:
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:user, 0))"), {"user": str(job.owner_id)})
    if existing := await _existing(session, job):
        return Enqueued(existing, replayed=True)
    await check_quotas(session, job.owner_id, job.seconds, quotas)
    session.add(job)
    await session.flush()
    await session.refresh(job)
    await session.execute(select(text(notify("'enqueued'"))).select_from(Job).where(Job.id == job.id))
    return Enqueued(job, replayed=False)


async def _existing(session: AsyncSession, job: Job) -> Job | None:
    """The job that was submitted with the same Idempotency-Key."""
    if job.idempotency_key is None:
        return None
    same_key = (Job.owner_id == job.owner_id) & (Job.idempotency_key == job.idempotency_key)
    existing = await session.scalar(_fresh.where(same_key))
    if existing is not None and existing.request_hash != job.request_hash:
        raise IdempotencyKeyReuse
    return existing


async def lock_base(session: AsyncSession, base: Mapping[str, Any], *, expired: bool = False) -> bool:
    """Whether this base clip is kept, for a job that starts from it; with `expired`, whether it still exists.

    The row lock keeps the garbage collection off until the commit.
    """
    kept = select(Artifact.id).where(Artifact.key == base["key"])
    kept = kept if expired else kept.where(Artifact.expires_at > func.now())
    return await session.scalar(kept.with_for_update(read=True)) is not None
