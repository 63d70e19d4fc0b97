"""How much one user may ask for."""

import math
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import QueueFull, QuotaExceeded
from db.models import Job, Status

_QUEUE_RETRY_SECONDS = 10
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Limits:
    queued_per_user: int
    seconds_per_day: float | None = None  # of video, over the last 24 hours; failed and canceled jobs do not count


async def check_limits(session: AsyncSession, owner_id: UUID, seconds: float, limits: Limits) -> None:
    """Nothing, or QueueFull or QuotaExceeded. The caller holds the user's submission lock."""
    waiting = select(func.count()).where(Job.owner_id == owner_id, Job.status == Status.QUEUED)
    if (await session.scalar(waiting) or 0) >= limits.queued_per_user:
        raise QueueFull(_QUEUE_RETRY_SECONDS)
    if limits.seconds_per_day is None:
        return
    if seconds > limits.seconds_per_day:
        raise QuotaExceeded(_DAY_SECONDS)
    wait = await session.scalar(
        text(_SECONDS_UNTIL_ROOM), {"owner_id": owner_id, "room": limits.seconds_per_day - seconds}
    )
    if wait is not None:
        raise QuotaExceeded(max(1, math.ceil(wait)))


# Of the last day's jobs, newest first, the first that does not fit: once it is a day old there is room.
_SECONDS_UNTIL_ROOM = """
    SELECT extract(epoch FROM created_at + interval '24 hours' - now())::float8
    FROM (
        SELECT created_at, sum(charged_seconds) OVER (ORDER BY created_at DESC, id DESC) AS used
        FROM jobs
        WHERE owner_id = :owner_id AND charged_seconds > 0 AND created_at > now() - interval '24 hours'
    ) AS charged
    WHERE used > :room ORDER BY created_at DESC LIMIT 1
"""
