"""The places of waiting jobs in the queue; 1 starts next.

With few waiting users the position is exact: the fair order of `fair_queue`, simulated up to the job. With many it is
an estimate from a snapshot of the queue, which all sessions of a process share. The snapshot is read again after a
second at the earliest, and so rarely that reading it takes at most 2 % of the time. A position therefore costs the same
with ten or with a hundred thousand waiting users. Why: docs/decisions/0017-turns.md.
"""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
import asyncio
import time
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from db.jobs.fair_queue import ORDER
from db.tables import Job, Status

# Up to this many waiting users, and users times rounds, the position is exact.
EXACT_USERS: Final = 100
EXACT_STARTS: Final = 500
REFRESH_SECONDS: Final = 1.0
# The share of the time that one process may spend on reading the snapshot.
REFRESH_SHARE: Final = 0.02
# The snapshot keeps the first heads, and of the others one in every so many.
_FIRST_HEADS: Final = 100
_KEPT_HEADS: Final = 1000
# The name of the shared line in `Session.info`.
SHARED_LINE: Final = "line"

# The waiting jobs of some users, or one of them. Within a round the user with fewer jobs ahead of this one comes first,
# because the others have just been served. The position is NULL if the queue is too long for the simulation.
POSITIONS: Final = f"""WITH unpaused AS (
        SELECT owner_id, running, served_at FROM turns WHERE head_id IS NOT NULL ORDER BY {ORDER} LIMIT :users + 1
    ), paused AS (
        SELECT owner_id, running, served_at, head_id FROM turns
        WHERE wakes_at IS NOT NULL ORDER BY wakes_at LIMIT :users + 1
    ), users_in_line AS (
        SELECT owner_id, running, served_at FROM unpaused
        UNION ALL SELECT owner_id, running, served_at FROM paused WHERE head_id IS NULL
    ), own AS (
        SELECT jobs.id, owner_id, turns.running, row_number() OVER (
            PARTITION BY owner_id ORDER BY jobs.priority DESC, jobs.created_at, jobs.id
        ) AS place, turns.head_priority, turns.waits_since, turns.head_id
        FROM jobs JOIN turns USING (owner_id)
        WHERE owner_id = ANY(:owner_ids) AND jobs.status = 'queued'
    ), watched AS (
        SELECT * FROM own WHERE id = :job_id OR CAST(:job_id AS uuid) IS NULL
    ), depth AS (
        SELECT CASE WHEN greatest((SELECT count(*) FROM unpaused), (SELECT count(*) FROM paused)) <= :users
            AND max(running + place) * (SELECT count(*) FROM users_in_line) <= :starts
            THEN max(running + place) ELSE 0 END AS rounds
        FROM watched
    ), line AS (
        SELECT ahead.id, row_number() OVER (
            ORDER BY users_in_line.running + ahead.place, ahead.priority DESC, ahead.place,
                greatest(users_in_line.served_at, ahead.head_created_at), ahead.head_id
        ) AS position
        FROM depth CROSS JOIN users_in_line CROSS JOIN LATERAL (
            SELECT id, priority, row_number() OVER own AS place,
                first_value(created_at) OVER own AS head_created_at, first_value(id) OVER own AS head_id
            FROM jobs WHERE jobs.owner_id = users_in_line.owner_id AND status = 'queued'
            WINDOW own AS (ORDER BY priority DESC, created_at, id)
            LIMIT greatest(0, depth.rounds - users_in_line.running)
        ) AS ahead
    )
    SELECT watched.*, line.position FROM watched LEFT JOIN line USING (id)"""

# How many waiting users have this many running and queued jobs.
_USERS: Final = """SELECT running, queued, count(*) AS users FROM turns WHERE head_id IS NOT NULL
    GROUP BY running, queued"""
_HEADS: Final = f"""SELECT rank, running, head_priority, waits_since, head_id FROM (
        SELECT turns.*, row_number() OVER (ORDER BY {ORDER}) AS rank FROM turns WHERE head_id IS NOT NULL
    ) AS ranked
    WHERE rank <= :first OR rank % :step = 0 ORDER BY rank"""


async def queue_position(session: AsyncSession, job: Job) -> int | None:
    """The place of one job; None unless it is queued."""
    if job.status != Status.QUEUED:
        return None
    return (await _positions(session, [job.owner_id], job.id))[job.owner_id].get(job.id)


async def queue_positions(session: AsyncSession, owner_ids: Iterable[UUID]) -> dict[UUID, dict[UUID, int]]:
    """The places of all waiting jobs of these users, by user and job."""
    return await _positions(session, list(owner_ids), None)


async def _positions(session: AsyncSession, owner_ids: list[UUID], job_id: UUID | None) -> dict[UUID, dict[UUID, int]]:
    positions: dict[UUID, dict[UUID, int]] = {owner_id: {} for owner_id in owner_ids}
    if not owner_ids:
        return positions
    values = {"owner_ids": owner_ids, "job_id": job_id, "users": EXACT_USERS, "starts": EXACT_STARTS}
    rows = (await session.execute(text(POSITIONS), values)).all()
    if any(row.position is None for row in rows):
        line = await session.info.setdefault(SHARED_LINE, SharedLine()).current(session)
    for row in rows:
        positions[row.owner_id][row.id] = line.position(row) if row.position is None else row.position
    return positions


class _Key(NamedTuple):
    """The place of a user in the fair order, smallest first."""

    running: int
    negative_priority: int
    waits_since: Any
    head_id: Any


@dataclass(frozen=True, slots=True)
class Line:
    """A snapshot of the waiting users: how many have so many running and queued jobs, and the order of their heads."""

    users: dict[tuple[int, int], int]
    # Some heads in the fair order, and the rank of each.
    heads: list[_Key]
    ranks: list[int]

    def position(self, row: Any) -> int:
        """The estimated place of a row of POSITIONS. Ignores priorities of jobs that are not the user's next."""
        earlier = sum(n * min(queued, max(0, row.place - 1 + row.running - r)) for (r, queued), n in self.users.items())
        round_ = row.running + row.place
        between = sum(n for (r, q), n in self.users.items() if row.running < r < round_ and q >= round_ - r)
        beside = sum(n for (r, q), n in self.users.items() if r == row.running and q >= row.place)
        return max(1, earlier + between + round(beside * self._share_ahead(row)) + 1)

    def _share_ahead(self, row: Any) -> float:
        """The share of the users with as many running jobs that come before this user; 1 if all their jobs pause."""
        if row.head_id is None:
            return 1.0
        first = self._rank(_first_with(row.running))
        last = self._rank(_first_with(row.running + 1))
        own = self._rank(_Key(row.running, -row.head_priority, row.waits_since, row.head_id))
        return min(1.0, (own - first) / (last - first)) if last > first else 0.0

    def _rank(self, key: _Key) -> int:
        """How many users come before this key."""
        index = bisect_left(self.heads, key)
        if index < len(self.heads):
            return self.ranks[index] - 1
        return sum(self.users.values())


def _first_with(running: int) -> _Key:
    """A key before all users with so many running jobs."""
    return _Key(running, -(2**31) - 1, None, None)


async def read_line(session: AsyncSession) -> Line:
    users = {(row.running, row.queued): row.users for row in await session.execute(text(_USERS))}
    step = max(1, sum(users.values()) // _KEPT_HEADS)
    rows = (await session.execute(text(_HEADS), {"first": _FIRST_HEADS, "step": step})).all()
    keys = [_Key(row.running, -row.head_priority, row.waits_since, row.head_id) for row in rows]
    return Line(users, keys, [row.rank for row in rows])


@dataclass(eq=False)
class SharedLine:
    """The snapshot of one process. One caller at a time reads it again; meanwhile the others use the one before."""

    _line: Line | None = None
    _due_at: float = 0.0
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def current(self, session: AsyncSession) -> Line:
        if self._line is not None and (time.monotonic() < self._due_at or self._reading.locked()):
            return self._line
        async with self._reading:
            started = time.monotonic()
            if self._line is None or started >= self._due_at:
                self._line = await read_line(session)
                ended = time.monotonic()
                self._due_at = ended + max(REFRESH_SECONDS, (ended - started) / REFRESH_SHARE)
            return self._line
