"""The fair order computed from `jobs` alone, by walking over all waiting users: what `turns` must agree with."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from db.jobs import fair_queue

_USERS: Final = """
    busy AS (
        SELECT owner_id, count(*) AS running FROM jobs WHERE status = 'running' GROUP BY owner_id
    ), users_in_line AS (
        SELECT waiting.owner_id, coalesce(busy.running, 0) AS running, waiting.queued,
            (SELECT max(started_at) FROM jobs WHERE jobs.owner_id = waiting.owner_id) AS served_at
        FROM (SELECT owner_id, count(*) AS queued FROM jobs WHERE status = 'queued' GROUP BY owner_id) AS waiting
        LEFT JOIN busy USING (owner_id)
    )"""
_HEADS: Final = f"""WITH {_USERS}, heads AS (
        SELECT head.*, users_in_line.*, greatest(users_in_line.served_at, head.created_at) AS waits_since
        FROM users_in_line LEFT JOIN LATERAL (
            SELECT id, priority, created_at FROM jobs
            WHERE jobs.owner_id = users_in_line.owner_id AND status = 'queued' AND available_at <= clock_timestamp()
            ORDER BY priority DESC, created_at, id LIMIT 1
        ) AS head ON true
    )"""
ORDER: Final = f"""{_HEADS}
    SELECT id FROM heads WHERE id IS NOT NULL AND running < :running_per_user
    ORDER BY running, priority DESC, waits_since, id"""
TURNS: Final = f"""{_HEADS}
    SELECT owner_id, queued, running, served_at, id AS head_id, priority AS head_priority,
        CASE WHEN id IS NOT NULL THEN waits_since END AS waits_since,
        (SELECT min(available_at) FROM jobs WHERE jobs.owner_id = heads.owner_id AND status = 'queued'
            AND available_at > clock_timestamp()) AS wakes_at
    FROM heads
    UNION ALL
    SELECT owner_id, 0, running, (SELECT max(started_at) FROM jobs WHERE jobs.owner_id = busy.owner_id),
        NULL, NULL, NULL, NULL
    FROM (SELECT owner_id, count(*) AS running FROM jobs WHERE status = 'running' GROUP BY owner_id) AS busy
    WHERE owner_id NOT IN (SELECT owner_id FROM jobs WHERE status = 'queued')"""
MAINTAINED: Final = """
    SELECT owner_id, queued, running, served_at, head_id, head_priority, waits_since, wakes_at FROM turns
    WHERE queued > 0 OR running > 0 OR head_id IS NOT NULL OR wakes_at IS NOT NULL"""


async def order(session: AsyncSession, *, running_per_user: int) -> list[UUID]:
    """The head jobs in the order in which claims would start them."""
    return list(await session.scalars(text(ORDER), {"running_per_user": running_per_user}))


async def differences(session: AsyncSession) -> set[tuple[Any, ...]]:
    """The rows of `turns` that differ from those computed anew, both versions, after all ended pauses were woken."""
    while await session.scalar(text(fair_queue.WAKE)):
        pass
    computed = {tuple(row) for row in await session.execute(text(TURNS))}
    return computed ^ {tuple(row) for row in await session.execute(text(MAINTAINED))}
