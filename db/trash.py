"""The trash: ended jobs that their owner has thrown away, kept for some days in case of regret.

A purge removes rows. Their objects are then named by nothing, and `db/sweep.py` removes those.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Text, delete, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import NotEnded
from db.jobs import get
from db.models import TERMINAL, Job
from db.statement import told
from db.sweep import BATCH

KEPT_DAYS: Final = 30


async def throw_away(session: AsyncSession, job_id: UUID, *, owner_id: UUID) -> Job | None:
    """Hide an ended job; one that is in the trash already stays as it is. NotEnded while it waits or runs."""
    for _ in range(2):  # a job that ended after the first try is thrown away by the second
        moved = await _set(session, job_id, owner_id, trashed=True)
        job = moved or await get(session, job_id, owner_id=owner_id)
        if job is None or job.trashed_at is not None:
            return job
    raise NotEnded


async def restore(session: AsyncSession, job_id: UUID, *, owner_id: UUID) -> Job | None:
    """Take a job out of the trash; one that is not in it stays as it is."""
    return await _set(session, job_id, owner_id, trashed=False) or await get(session, job_id, owner_id=owner_id)


async def purge(session: AsyncSession, *, days: float = KEPT_DAYS, limit: int = BATCH) -> int:
    """Forget for ever what has been in the trash for so many days; how many jobs that was."""
    old = (
        select(Job.id)
        .where(Job.trashed_at < func.now() - timedelta(days=days))
        .order_by(Job.trashed_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return len(list(await session.scalars(delete(Job).where(Job.id.in_(old)).returning(Job.id))))


async def _set(session: AsyncSession, job_id: UUID, owner_id: UUID, *, trashed: bool) -> Job | None:
    statement = (
        update(Job)
        .where(Job.id == job_id, Job.owner_id == owner_id, Job.status.in_(TERMINAL))
        .where(Job.trashed_at.is_(None) if trashed else Job.trashed_at.is_not(None))
        .values(
            trashed_at=func.now() if trashed else None, revision=Job.revision + 1, updated_at=func.clock_timestamp()
        )
        .returning(Job, literal_column(told("'status'"), Text))
        .execution_options(populate_existing=True)
    )
    return await session.scalar(statement)
