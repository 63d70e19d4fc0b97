"""Cleaning up: objects that no row names, base clips past their time, previews of jobs that ended.

Each function does one batch and returns how many objects it removed: as many as the limit (BATCH) means that there may
be more, so call again. `trash.purge` and `sign_ins.purge` promise the same of their rows. Rows go first, in a
transaction of their own, then the objects: a crash in between leaves objects without a row, for `orphans`.
"""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db import jobs
from db.storage import Storage

BATCH: Final = 1000
GRACE_SECONDS = 3600.0  # an object may be written this long before its row
PREVIEW_SECONDS = 60.0
_CHUNK = 500

Sessions = async_sessionmaker[AsyncSession]


async def known_keys(session: AsyncSession, keys: Sequence[str]) -> set[str]:
    """Those of the keys that a row names, or that belong to an attempt that is still open."""
    return set(await session.scalars(text(_KNOWN), {"keys": list(keys)}))


async def orphans(
    sessions: Sessions, storage: Storage, *, grace_seconds: float = GRACE_SECONDS, limit: int = BATCH
) -> int:
    """Remove objects that are older than the grace and have no row."""
    async with sessions() as session:
        before = await jobs.now(session) - timedelta(seconds=grace_seconds)
    old = [found.key for prefix in ("jobs/", "previews/") for found in await storage.list(prefix)
           if found.modified_at < before]  # fmt: skip
    removed = 0
    for start in range(0, len(old), _CHUNK):
        if removed >= limit:
            break
        chunk = old[start : start + _CHUNK]
        async with sessions() as session:
            doomed = sorted(set(chunk) - await known_keys(session, chunk))[: limit - removed]
        await storage.delete(doomed)
        removed += len(doomed)
    return removed


async def expired_bases(sessions: Sessions, storage: Storage, *, limit: int = BATCH) -> int:
    """Forget and remove base clips past their time, unless an open job may still start from one."""
    async with sessions() as session, session.begin():
        # Locked first and judged by a second statement, which sees a retry that committed meanwhile.
        rows = await session.scalars(text(_LOCK_EXPIRED), {"limit": limit})
        keys = list(await session.scalars(text(_FORGET_BASES), {"ids": list(rows)}))
        await session.execute(text(_FORGET_IN_JOBS), {"keys": keys})
    await storage.delete(keys)
    return len(keys)


async def ended_previews(
    sessions: Sessions, storage: Storage, *, grace_seconds: float = PREVIEW_SECONDS, limit: int = BATCH
) -> int:
    """Forget and remove the moving previews of jobs that ended a while ago."""
    async with sessions() as session, session.begin():
        rows = await session.scalars(text(_FORGET_PREVIEWS), {"grace": grace_seconds, "limit": limit})
        keys = list(rows)
    await storage.delete(keys)
    return len(keys)


_KNOWN = """
    SELECT named.key FROM unnest(CAST(:keys AS text[])) AS named(key)
    WHERE EXISTS (SELECT FROM artifacts WHERE artifacts.key = named.key)
       OR EXISTS (SELECT FROM jobs WHERE base IS NOT NULL AND base ->> 'key' = named.key)
       OR EXISTS (SELECT FROM jobs WHERE preview_key = named.key)
       OR EXISTS (SELECT FROM attempts
                  WHERE outcome IS NULL AND starts_with(named.key, concat('jobs/', job_id, '/', attempt, '/')))
       OR EXISTS (SELECT FROM jobs
                  WHERE status = 'running' AND starts_with(named.key, concat('previews/', jobs.id, '.')))
"""
_UNUSED = """NOT EXISTS (
        SELECT FROM jobs WHERE base IS NOT NULL AND base ->> 'key' = artifacts.key AND status IN ('queued', 'running')
    )"""
_LOCK_EXPIRED = f"""
    SELECT id FROM artifacts WHERE expires_at < now() AND {_UNUSED}
    ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED
"""
_FORGET_BASES = f"""
    DELETE FROM artifacts WHERE id = ANY(CAST(:ids AS uuid[])) AND {_UNUSED} RETURNING key
"""
_FORGET_IN_JOBS = """
    UPDATE jobs SET base = NULL WHERE base IS NOT NULL AND base ->> 'key' = ANY(CAST(:keys AS text[]))
"""
_FORGET_PREVIEWS = """
    WITH ended AS (
        SELECT id, preview_key AS key FROM jobs
        WHERE preview_key IS NOT NULL AND finished_at < now() - make_interval(secs => :grace)
        LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs SET preview_key = NULL FROM ended WHERE jobs.id = ended.id RETURNING ended.key
"""
