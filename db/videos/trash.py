"""The trash of videos: they can be restored for some days. The job of a video is moved with it.

A purge deletes rows only. Their objects are then orphans, which `db/storage/garbage_collection.py` deletes.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Text, delete, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.jobs.sql import notify
from db.jobs.trash import KEPT_DAYS
from db.tables import Job, Video


async def move(session: AsyncSession, ids: Collection[UUID], *, owner_id: UUID, trashed: bool) -> None:
    """Move these videos of the user to the trash or out of it. Those that are there already do not change."""
    chosen = (Video.id.in_(ids), Video.owner_id == owner_id)
    # The jobs first, in the order in which every statement locks them.
    jobs = (
        select(Job.id)
        .where(Job.id.in_(select(Video.job_id).where(*chosen)))
        .where(Job.trashed_at.is_(None) if trashed else Job.trashed_at.is_not(None))
        .order_by(Job.id)
        .with_for_update()
        .cte("locked")
    )
    moment = func.now() if trashed else None
    await session.execute(
        update(Job)
        .where(Job.id.in_(select(jobs.c.id)))
        .values(trashed_at=moment, revision=Job.revision + 1, updated_at=func.clock_timestamp())
        .returning(literal_column(notify("'status'"), Text))
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(Video)
        .where(*chosen, Video.trashed_at.is_(None) if trashed else Video.trashed_at.is_not(None))
        .values(trashed_at=moment)
        .execution_options(synchronize_session=False)
    )


async def purge(session: AsyncSession, *, days: float = KEPT_DAYS, limit: int) -> int:
    """Delete the videos that have been in the trash for so many days, at most `limit`; how many were deleted."""
    old = (
        select(Video.id)
        .where(Video.trashed_at < func.now() - timedelta(days=days))
        .order_by(Video.trashed_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    statement = delete(Video).where(Video.id.in_(select(old.c.id))).returning(Video.id)
    return len(list(await session.scalars(statement.execution_options(synchronize_session=False))))
