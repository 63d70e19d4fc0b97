"""Garbage collection of objects: orphans, expired base clips, previews of ended jobs.

Each function deletes one batch and returns how many objects it deleted. If that is the limit, there may be more: call
it again. `trash.purge` and `refresh_tokens.purge` do the same for rows. A row is deleted first, in a transaction of its
own, and then its object. A crash in between leaves an orphan.
"""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db.jobs import queries as jobs
from db.storage.base import Storage

BATCH: Final = 1000
# An object may be written this long before its row.
GRACE_SECONDS: Final = 3600.0
PREVIEW_SECONDS: Final = 60.0
# Keys that one query looks up.
_CHUNK: Final = 500

Sessions = async_sessionmaker[AsyncSession]


async def known_keys(session: AsyncSession, keys: Sequence[str]) -> set[str]:
    """The keys that a row names, or that belong to an open attempt."""
    return set(await session.scalars(text(_KNOWN), {"keys": list(keys)}))


async def orphans(
    sessions: Sessions, storage: Storage, *, grace_seconds: float = GRACE_SECONDS, limit: int = BATCH
) -> int:
    """Delete objects that are older than the grace period and have no row."""
    async with sessions() as session:
        before = await jobs.now(session) - timedelta(seconds=grace_seconds)
    old = [found.key for prefix in ("jobs/", "previews/") for found in await storage.list(prefix)
           if found.modified_at < before]  # fmt: skip
    deleted = 0
    for start in range(0, len(old), _CHUNK):
        if deleted >= limit:
            break
        chunk = old[start : start + _CHUNK]
        async with sessions() as session:
            unknown = sorted(set(chunk) - await known_keys(session, chunk))[: limit - deleted]
        await storage.delete(unknown)
        deleted += len(unknown)
    return deleted


async def expired_bases(sessions: Sessions, storage: Storage, *, limit: int = BATCH) -> int:
    """Delete base clips that nothing may start from: neither a queued or running job, nor a video.

    A video keeps its base clip until it expires, and a favourite keeps it after that. One that belongs neither to a job
    nor to a video, because both were deleted, does not wait until it expires.
    """
    async with sessions.begin() as session:
        # The DELETE repeats the condition: its snapshot includes retries committed before the rows were locked.
        ids = list(await session.scalars(text(_LOCK_EXPIRED), {"limit": limit}))
        keys = list(await session.scalars(text(_DELETE_BASES), {"ids": ids}))
        for table in ("jobs", "videos"):
            await session.execute(text(_CLEAR_BASES.format(table=table)), {"keys": keys})
    await storage.delete(keys)
    return len(keys)


async def ended_previews(
    sessions: Sessions, storage: Storage, *, grace_seconds: float = PREVIEW_SECONDS, limit: int = BATCH
) -> int:
    """Delete the animated previews of jobs that ended before the grace period."""
    async with sessions.begin() as session:
        keys = list(await session.scalars(text(_CLEAR_PREVIEWS), {"grace": grace_seconds, "limit": limit}))
    await storage.delete(keys)
    return len(keys)


_KNOWN: Final = """
    SELECT named.key FROM unnest(CAST(:keys AS text[])) AS named(key)
    WHERE EXISTS (SELECT FROM artifacts WHERE artifacts.key = named.key)
       OR EXISTS (SELECT FROM jobs WHERE base IS NOT NULL AND base ->> 'key' = named.key)
       OR EXISTS (SELECT FROM jobs WHERE preview_key = named.key)
       OR EXISTS (SELECT FROM attempts
                  WHERE outcome IS NULL AND starts_with(named.key, concat('jobs/', job_id, '/', attempt, '/')))
       OR EXISTS (SELECT FROM jobs
                  WHERE status = 'running' AND starts_with(named.key, concat('previews/', jobs.id, '.')))
"""
_UNUSED: Final = """NOT EXISTS (
        SELECT FROM jobs WHERE base IS NOT NULL AND base ->> 'key' = artifacts.key AND status IN ('queued', 'running')
    ) AND NOT EXISTS (
        SELECT FROM videos WHERE base IS NOT NULL AND base ->> 'key' = artifacts.key
            AND (favourite OR artifacts.expires_at > now())
    )"""
_LOCK_EXPIRED: Final = f"""
    SELECT id FROM artifacts WHERE (expires_at < now() OR (job_id IS NULL AND video_id IS NULL)) AND {_UNUSED}
    ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED
"""
_DELETE_BASES: Final = f"""
    DELETE FROM artifacts WHERE id = ANY(CAST(:ids AS uuid[])) AND {_UNUSED} RETURNING key
"""
_CLEAR_BASES: Final = """
    UPDATE {table} SET base = NULL WHERE base IS NOT NULL AND base ->> 'key' = ANY(CAST(:keys AS text[]))
"""
_CLEAR_PREVIEWS: Final = """
    WITH ended AS (
        SELECT id, preview_key AS key FROM jobs
        WHERE preview_key IS NOT NULL AND finished_at < now() - make_interval(secs => :grace)
        LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs SET preview_key = NULL FROM ended WHERE jobs.id = ended.id RETURNING ended.key
"""
