"""Figures of the queue for administrators.

No count reads more than a fixed number of rows, so that a request costs the same with any number of jobs. Each inner
SELECT has the order of an index: without it, the planner would read the whole table for a LIMIT.
"""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from db.jobs.fair_queue import ORDER
from db.tables import Status

# The highest count of waiting and running jobs and of users. Beyond it the count is a lower bound.
MAX_COUNT: Final = 10_000
# The highest count of jobs that ended in one state within one hour.
MAX_PER_HOUR: Final = 1_000
HOURS: Final = 24
# The medians are those of the last so many jobs that succeeded.
SAMPLES: Final = 500
ENDED: Final = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows; with `more`, there are more of them than were counted."""

    count: int
    more: bool


@dataclass(frozen=True, slots=True)
class Hour:
    """The jobs that ended within one hour, which begins at `hour`, by their state."""

    hour: datetime
    ended: dict[Status, Count]


@dataclass(frozen=True, slots=True)
class Medians:
    """Seconds from submission to the first start, and from there to the end; None if no job succeeded."""

    wait_seconds: float | None
    run_seconds: float | None
    jobs: int


@dataclass(frozen=True, slots=True)
class Queue:
    waiting: Count
    running: Count
    users: Count
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    queue: Queue
    # The last HOURS hours, the current one included, the oldest first.
    hours: list[Hour]
    medians: Medians


async def overview(session: AsyncSession) -> Overview:
    """All figures. Until the end of the transaction, the planner uses the order of indexes wherever it can."""
    await session.execute(text(IN_ORDER))
    return Overview(await _queue(session), await _hours(session), await _medians(session))


async def _queue(session: AsyncSession) -> Queue:
    """The jobs and users that wait now, the running jobs, and the age of the oldest waiting job."""
    row = (await session.execute(text(QUEUE), {"limit": MAX_COUNT + 1})).one()
    waiting, running, users = (
        _count(rows, MAX_COUNT) for rows in (row.waiting, row.running, row.ready_users + row.paused_users)
    )
    return Queue(waiting, running, users, row.oldest_seconds)


async def _hours(session: AsyncSession) -> list[Hour]:
    values = {"hours": HOURS, "limit": MAX_PER_HOUR + 1, "states": [str(status) for status in ENDED]}
    found: dict[datetime, dict[Status, Count]] = {}
    for row in await session.execute(text(PER_HOUR), values):
        found.setdefault(row.hour, {})[Status(row.status)] = _count(row.jobs, MAX_PER_HOUR)
    return [Hour(hour, ended) for hour, ended in sorted(found.items())]


async def _medians(session: AsyncSession) -> Medians:
    """How long the last SAMPLES jobs waited and ran that succeeded within HOURS hours."""
    row = (await session.execute(text(MEDIANS), {"hours": HOURS, "limit": SAMPLES})).one()
    return Medians(row.wait_seconds, row.run_seconds, row.jobs)


def total(hours: list[Hour], status: Status) -> Count:
    """The jobs that ended in this state within all of these hours."""
    counts = [hour.ended[status] for hour in hours]
    return Count(sum(one.count for one in counts), any(one.more for one in counts))


def _count(rows: int, limit: int) -> Count:
    return Count(min(rows, limit), rows > limit)


# With a range that it does not know, the planner expects few rows, and would read and sort all of them.
IN_ORDER: Final = """SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_sort', 'off', true)"""

# A user all of whose jobs pause has no head job.
QUEUE: Final = f"""SELECT
    (SELECT count(*) FROM (
        SELECT FROM jobs WHERE status = 'queued' ORDER BY created_at LIMIT :limit) AS queued) AS waiting,
    (SELECT count(*) FROM (
        SELECT FROM jobs WHERE status = 'running' ORDER BY owner_id LIMIT :limit) AS started) AS running,
    (SELECT count(*) FROM (
        SELECT FROM turns WHERE head_id IS NOT NULL ORDER BY {ORDER} LIMIT :limit) AS ready) AS ready_users,
    (SELECT count(*) FROM (
        SELECT head_id FROM turns WHERE wakes_at IS NOT NULL ORDER BY wakes_at LIMIT :limit) AS paused
     WHERE head_id IS NULL) AS paused_users,
    (SELECT extract(epoch FROM now() - min(created_at))::float8 FROM jobs WHERE status = 'queued') AS oldest_seconds"""

PER_HOUR: Final = """SELECT hour, state.status, ended.jobs
    FROM (
        SELECT date_trunc('hour', now(), 'UTC') - n * interval '1 hour' AS hour
        FROM generate_series(0, CAST(:hours AS integer) - 1) AS n
    ) AS hours
    CROSS JOIN unnest(CAST(:states AS text[])) AS state(status)
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs FROM (
            SELECT FROM jobs
            WHERE jobs.status = state.status AND finished_at >= hour AND finished_at < hour + interval '1 hour'
            ORDER BY finished_at LIMIT :limit
        ) AS counted
    ) AS ended"""

MEDIANS: Final = """SELECT count(*) AS jobs,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - created_at))::float8
            AS wait_seconds,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at))::float8
            AS run_seconds
    FROM (
        SELECT created_at, started_at, finished_at FROM jobs
        WHERE status = 'succeeded' AND finished_at > now() - make_interval(hours => :hours)
        ORDER BY finished_at DESC LIMIT :limit
    ) AS latest"""
