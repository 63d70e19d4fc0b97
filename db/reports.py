"""Reports of videos, and the queue of those that no moderator has decided yet."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from db.ids import uuid7
from db.tables import Report, ReportReason

# Open reports of one video with one reason. Further ones contain nothing new and are not stored.
MAX_OPEN: Final = 50
# How long a closed report is kept: it may contain an e-mail address.
KEPT_DAYS: Final = 180


@dataclass(frozen=True, slots=True)
class Queued:
    report: Report
    # The open reports of the same video, this one included.
    reports_of_video: int


async def add(
    session: AsyncSession, *, video_id: UUID, reason: ReportReason, details: str = "", email: str | None = None
) -> UUID:
    """Add a report, unless enough of them are open; the id in both cases."""
    report_id = uuid7()
    values = {"id": report_id, "video_id": video_id, "reason": reason, "details": details, "email": email}
    await session.execute(text(_ADD), {**values, "max_open": MAX_OPEN})
    return report_id


async def page(session: AsyncSession, *, limit: int, after: UUID | None = None, closed: bool = False) -> list[Queued]:
    """The reports behind `after`, one more than `limit` if there are more.

    Open ones by urgency, then the oldest first; closed ones the newest first.
    """
    other = aliased(Report)
    count = select(func.count()).where(other.video_id == Report.video_id, other.closed_at.is_(None)).scalar_subquery()
    statement = select(Report, count).limit(limit + 1)
    if closed:
        statement = statement.where(Report.closed_at.is_not(None)).order_by(Report.id.desc())
        if after is not None:
            statement = statement.where(Report.id < after)
    else:
        statement = statement.where(Report.closed_at.is_(None)).order_by(Report.rank, Report.id)
        if after is not None:
            rank = await session.scalar(select(Report.rank).where(Report.id == after))
            statement = statement.where(tuple_(Report.rank, Report.id) > tuple_(rank or 0, after))
    return [Queued(*row) for row in await session.execute(statement)]


async def of_video(session: AsyncSession, video_id: UUID, *, limit: int) -> list[Report]:
    """The reports of a video, the newest first."""
    statement = select(Report).where(Report.video_id == video_id).order_by(Report.id.desc()).limit(limit)
    return list(await session.scalars(statement.execution_options(populate_existing=True)))


async def close(session: AsyncSession, video_id: UUID) -> int:
    """Close the open reports of a video; how many there were."""
    statement = update(Report).where(Report.video_id == video_id, Report.closed_at.is_(None))
    closed = await session.scalars(statement.values(closed_at=func.now()).returning(Report.id))
    return len(list(closed))


async def purge(session: AsyncSession, *, limit: int) -> int:
    """Delete reports that were closed some months ago, at most `limit`; how many were deleted."""
    old = (
        select(Report.id)
        .where(Report.closed_at < func.now() - timedelta(days=KEPT_DAYS))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    return len(list(await session.scalars(delete(Report).where(Report.id.in_(select(old.c.id))).returning(Report.id))))


_ADD: Final = """
    INSERT INTO reports (id, video_id, reason, details, email)
    SELECT :id, :video_id, CAST(:reason AS text), :details, CAST(:email AS text)
    WHERE :max_open > (
        SELECT count(*) FROM (
            SELECT FROM reports
            WHERE video_id = :video_id AND reason = CAST(:reason AS text) AND closed_at IS NULL LIMIT :max_open
        ) AS open
    )
"""
