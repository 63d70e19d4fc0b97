"""The trash: jobs in a terminal state that their owner has deleted. They can be restored for some days.

A job and its video are in the trash together, whichever of them was moved (`db/videos/trash.py`). A purge deletes rows
only. Their objects are then orphans, which `db/storage/garbage_collection.py` deletes.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Text, delete, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import NotEnded
from db.jobs.queries import get
from db.jobs.sql import notify
from db.tables import TERMINAL, Job, Status, Video

KEPT_DAYS: Final = 30
# How long a job that was canceled before it started is kept.
NEVER_STARTED_DAYS: Final = 1


async def move_to_trash(session: AsyncSession, job_id: UUID, *, owner_id: UUID) -> Job | None:
    """Hide a job, unless it is in the trash already. NotEnded if it is queued or running."""
    # The second try is for a job that ended after the first UPDATE and before the SELECT.
    for _ in range(2):
        moved = await _set(session, job_id, owner_id, trashed=True)
        job = moved or await get(session, job_id, owner_id=owner_id)
        if job is None or job.trashed_at is not None:
            return job
    raise NotEnded


async def restore(session: AsyncSession, job_id: UUID, *, owner_id: UUID) -> Job | None:
    """Take a job out of the trash. A job that is not in the trash does not change."""
    return await _set(session, job_id, owner_id, trashed=False) or await get(session, job_id, owner_id=owner_id)


async def purge(session: AsyncSession, *, days: float = KEPT_DAYS, limit: int) -> int:
    """Delete the jobs that have been in the trash for so many days, at most `limit`; how many were deleted."""
    old = (
        select(Job.id)
        .where(Job.trashed_at < func.now() - timedelta(days=days))
        .order_by(Job.trashed_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    return len(list(await session.scalars(delete(Job).where(Job.id.in_(select(old.c.id))).returning(Job.id))))


async def purge_never_started(session: AsyncSession, *, days: float = NEVER_STARTED_DAYS, limit: int) -> int:
    """Delete the jobs that were canceled before their first attempt, at most `limit`; how many were deleted."""
    old = (
        select(Job.id)
        .where(Job.status == Status.CANCELED, Job.attempt == 0, Job.finished_at < func.now() - timedelta(days=days))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    return len(list(await session.scalars(delete(Job).where(Job.id.in_(select(old.c.id))).returning(Job.id))))


async def _set(session: AsyncSession, job_id: UUID, owner_id: UUID, *, trashed: bool) -> Job | None:
    statement = (
        update(Job)
        .where(Job.id == job_id, Job.owner_id == owner_id, Job.status.in_(TERMINAL))
        .where(Job.trashed_at.is_(None) if trashed else Job.trashed_at.is_not(None))
        .values(
            trashed_at=func.now() if trashed else None, revision=Job.revision + 1, updated_at=func.clock_timestamp()
        )
        .returning(Job.id, literal_column(notify("'status'"), Text))
        .execution_options(synchronize_session=False)
    )
    if await session.scalar(statement) is None:
        return None
    job = await session.get_one(Job, job_id, populate_existing=True)
    place = Video.trashed_at.is_(None) if trashed else Video.trashed_at.is_not(None)
    await session.execute(
        update(Video)
        .where(Video.job_id == job_id, place)
        .values(trashed_at=job.trashed_at)
        .execution_options(synchronize_session=False)
    )
    return job
