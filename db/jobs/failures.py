"""The failed jobs of all users, for administrators."""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from db.tables import Job

Row = dict[str, Any]

# More error codes than the project has.
MAX_CODES: Final = 50


async def page(session: AsyncSession, *, limit: int, after: UUID | None = None, code: str | None = None) -> list[Row]:
    """The failed jobs behind the job `after`, the last failure first; one more than `limit` if there are more.

    Only those with this error code, if it is given. None at all if `after` was deleted in the meantime.
    """
    values: dict[str, Any] = {"limit": limit + 1, "code": code}
    if after is not None:
        place = (await session.execute(select(Job.finished_at, Job.id).where(Job.id == after))).one_or_none()
        if place is None or place.finished_at is None:
            return []
        values |= {"after_at": place.finished_at, "after_id": place.id}
    statement = text(failed_jobs(coded=code is not None, behind=after is not None))
    return [dict(row) for row in (await session.execute(statement, values)).mappings()]


async def codes(session: AsyncSession) -> list[str]:
    """The error codes that failed jobs have, in alphabetical order."""
    return list(await session.scalars(text(CODES), {"limit": MAX_CODES}))


def failed_jobs(*, coded: bool, behind: bool) -> str:
    """The statement of a page: with a code, and behind a place."""
    return f"""
        SELECT jobs.id, jobs.owner_id, users.email, jobs.error, jobs.attempt, jobs.failures, jobs.losses,
            jobs.spec ->> 'model' AS model, jobs.created_at, jobs.started_at, jobs.finished_at
        FROM jobs JOIN users ON users.id = jobs.owner_id
        WHERE jobs.status = 'failed' AND jobs.finished_at IS NOT NULL
            {"AND jobs.error ->> 'code' = :code" if coded else ""}
            {"AND (jobs.finished_at, jobs.id) < (:after_at, :after_id)" if behind else ""}
        ORDER BY jobs.finished_at DESC, jobs.id DESC LIMIT :limit"""


# Reads one entry of the index per code, however many jobs have it.
CODES: Final = """WITH RECURSIVE codes AS (
        (SELECT error ->> 'code' AS code FROM jobs WHERE status = 'failed' ORDER BY error ->> 'code' LIMIT 1)
        UNION ALL
        SELECT (
            SELECT error ->> 'code' FROM jobs WHERE status = 'failed' AND error ->> 'code' > codes.code
            ORDER BY error ->> 'code' LIMIT 1
        ) FROM codes WHERE codes.code IS NOT NULL
    )
    SELECT code FROM codes WHERE code IS NOT NULL LIMIT :limit"""
