"""Figures of the stored objects. They read all rows of `artifacts`, so a dispatcher measures them for the requests.

Objects without a row are not in them: only a listing of the store finds those, and the garbage collection, which lists
it, deletes them at once. `collected` has how many it deleted.
"""

import time
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.tables import Json, SystemFigures, User

STORED: Final = "storage"
COLLECTED: Final = "garbage collection"
# The users with the most bytes.
USERS: Final = 20
# How often a dispatcher asks whether a measurement is due: one is due after this long, and so rarely that measuring
# takes at most 2 % of the time.
MEASURE_SECONDS: Final = 60.0
MEASURE_SHARE: Final = 0.02


class Figures(NamedTuple):
    measured_at: datetime
    figures: Json


async def measure(session: AsyncSession) -> None:
    """Count the objects and bytes by kind and by user, in the trash, and those that the garbage collection may delete.

    Reads whole tables: for the periodic work of a dispatcher.
    """
    started = time.perf_counter()
    figures = (await session.scalars(text(MEASURE), {"users": USERS})).one()
    await _record(session, STORED, {**figures, "seconds": time.perf_counter() - started})


async def measure_if_due(session: AsyncSession) -> bool:
    """Measure unless some dispatcher has measured recently; whether this one has."""
    due = not await session.scalar(text(MEASURED), {"name": STORED, "seconds": MEASURE_SECONDS, "share": MEASURE_SHARE})
    if due:
        await measure(session)
    return due


async def collected(session: AsyncSession, removed: dict[str, int]) -> None:
    """Record what a run of the garbage collection has removed, by its steps."""
    await _record(session, COLLECTED, {"removed": removed})


async def latest(session: AsyncSession) -> dict[str, Figures]:
    """The figures that were measured last, by name; without a name that was never measured."""
    rows = await session.scalars(select(SystemFigures).execution_options(populate_existing=True))
    return {row.name: Figures(row.measured_at, row.figures) for row in rows}


async def emails(session: AsyncSession, stored: Figures | None) -> dict[str, str]:
    """The addresses of the users in these figures, by their ids, without the users that were deleted since."""
    ids = [UUID(user["user_id"]) for user in stored.figures["users"]] if stored else []
    rows = await session.execute(select(User.id, User.email).where(User.id.in_(ids)))
    return {str(row.id): row.email for row in rows}


async def _record(session: AsyncSession, name: str, figures: dict[str, Any]) -> None:
    new = insert(SystemFigures).values(name=name, figures=figures)
    changed = {"figures": new.excluded.figures, "measured_at": func.now()}
    await session.execute(new.on_conflict_do_update(index_elements=[SystemFigures.name], set_=changed))


# One second less: the interval of a dispatcher varies.
MEASURED: Final = """
    SELECT true FROM system_figures WHERE name = :name AND measured_at > now() - make_interval(
        secs => greatest(CAST(:seconds AS float8) - 1, (figures ->> 'seconds')::float8 / CAST(:share AS float8)))
"""

# `deletable` is what `garbage_collection.expired_bases` looks at first: it keeps those that a job may start from.
MEASURE: Final = """WITH used AS MATERIALIZED (
        SELECT coalesce(videos.owner_id, jobs.owner_id) AS owner_id, artifacts.kind,
            videos.trashed_at IS NOT NULL AS trashed,
            artifacts.expires_at < now() OR (artifacts.job_id IS NULL AND artifacts.video_id IS NULL) AS deletable,
            count(*) AS objects, sum(artifacts.size_bytes)::bigint AS bytes
        FROM artifacts
        LEFT JOIN videos ON videos.id = artifacts.video_id LEFT JOIN jobs ON jobs.id = artifacts.job_id
        GROUP BY 1, 2, 3, 4
    ), kinds AS (
        SELECT kind, sum(objects)::bigint AS objects, sum(bytes)::bigint AS bytes FROM used GROUP BY kind
    ), users AS (
        SELECT owner_id AS user_id, sum(objects)::bigint AS objects, sum(bytes)::bigint AS bytes
        FROM used WHERE owner_id IS NOT NULL GROUP BY owner_id ORDER BY bytes DESC, owner_id LIMIT :users
    )
    SELECT jsonb_build_object(
        'kinds', (SELECT coalesce(jsonb_agg(kinds ORDER BY bytes DESC, kind), '[]') FROM kinds),
        'users', (SELECT coalesce(jsonb_agg(users ORDER BY bytes DESC, user_id), '[]') FROM users),
        'trash', (SELECT jsonb_build_object('objects', coalesce(sum(objects), 0), 'bytes', coalesce(sum(bytes), 0))
            FROM used WHERE trashed),
        'deletable', (SELECT jsonb_build_object('objects', coalesce(sum(objects), 0), 'bytes', coalesce(sum(bytes), 0))
            FROM used WHERE deletable)
    )"""
