"""Which job a job is a remix of."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.tables import Remix


async def record(session: AsyncSession, job_id: UUID, *, source_id: UUID) -> None:
    session.add(Remix(job_id=job_id, source_id=source_id))
    await session.flush()


async def sources(session: AsyncSession, job_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The source of each of the jobs that is a remix."""
    rows = await session.execute(select(Remix.job_id, Remix.source_id).where(Remix.job_id.in_(list(job_ids))))
    return {row.job_id: row.source_id for row in rows}
