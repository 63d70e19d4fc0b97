"""Quotas of one user: waiting jobs, and seconds of video per day."""

import math
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import QueueFull, QuotaExceeded
from db.tables import Job, Status

# Retry-After when the queue is full: a guess, since a job may start or be canceled at any time.
_QUEUE_RETRY_SECONDS: Final = 10
_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Quotas:
    queued_per_user: int
    # Seconds of video in the last 24 hours. Failed and canceled jobs are not charged.
    seconds_per_day: float | None = None


async def check_quotas(session: AsyncSession, owner_id: UUID, seconds: float, quotas: Quotas) -> None:
    """Raises QueueFull or QuotaExceeded. The caller holds the advisory lock of the user's submissions."""
    waiting = select(func.count()).where(Job.owner_id == owner_id, Job.status == Status.QUEUED)
    if (await session.scalar(waiting) or 0) >= quotas.queued_per_user:
        raise QueueFull(_QUEUE_RETRY_SECONDS)
    if quotas.seconds_per_day is None:
        return
    if seconds > quotas.seconds_per_day:
        raise QuotaExceeded(_DAY_SECONDS)
    wait = await session.scalar(
        text(_SECONDS_UNTIL_ROOM), {"owner_id": owner_id, "room": quotas.seconds_per_day - seconds}
    )
    if wait is not None:
        raise QuotaExceeded(max(1, math.ceil(wait)))


# The new job fits once the newest job that does not fit beside it is a day old.
_SECONDS_UNTIL_ROOM: Final = """
    SELECT extract(epoch FROM created_at + interval '24 hours' - now())::float8
    FROM (
        SELECT created_at, sum(charged_seconds) OVER (ORDER BY created_at DESC, id DESC) AS used
        FROM jobs
        WHERE owner_id = :owner_id AND charged_seconds > 0 AND created_at > now() - interval '24 hours'
    ) AS charged
    WHERE used > :room ORDER BY created_at DESC LIMIT 1
"""
