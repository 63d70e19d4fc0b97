"""Periodic work of every dispatcher: rescue of expired leases, and garbage collection."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db import (
    api_keys,
    dispatchers,
    login_sessions,
    mails,
    one_time_tokens,
    rate_limits,
    refresh_tokens,
    reports,
    shares,
    webhook_queue,
)
from db.errors import DATABASE_ERRORS, StorageError, is_transient
from db.jobs import leases, trash
from db.logs import first_line
from db.storage import figures, garbage_collection
from db.storage.base import Storage
from db.videos import trash as video_trash
from pipeline.settings import PipelineSettings
from pipeline.worker.retry import backoff

Sessions = async_sessionmaker[AsyncSession]

log = structlog.get_logger()

# Factors of the interval of a periodic action, so that dispatchers do not act at the same time.
JITTER: Final = (0.8, 1.2)
# Rows or objects that one step removes. A step that removed as many is repeated at once.
BATCH: Final = 1000


async def repeat(seconds: float, action: Callable[[], Awaitable[None]]) -> None:
    """Run an action at an interval. A database or object store that is unreachable ends one run, not the loop."""
    while True:
        try:
            await action()
        except (StorageError, *DATABASE_ERRORS) as error:
            if not isinstance(error, StorageError) and not is_transient(error):
                raise
            log.warning("periodic action failed", action=action.__name__, error=first_line(error))
        await asyncio.sleep(seconds * random.uniform(*JITTER))


async def rescue(sessions: Sessions, settings: PipelineSettings) -> int:
    """Return jobs whose lease has expired to the queue, or end them; how many there were."""
    async with sessions.begin() as session:
        rescued = await leases.rescue(session, max_losses=settings.max_losses, backoff=backoff(settings))
    for job in rescued:
        log.warning("rescued", job_id=str(job.job_id), status=job.status, lost_by=job.lost_by)
    return len(rescued)


async def collect_garbage(sessions: Sessions, storage: Storage) -> None:
    """Delete expired rows, then the objects that no row names any more."""

    async def run(purge: Callable[..., Awaitable[int]]) -> int:
        async with sessions.begin() as session:
            return await purge(session, limit=BATCH)

    steps: dict[str, Callable[[], Awaitable[int]]] = {
        "refresh tokens": lambda: run(refresh_tokens.purge),
        "login sessions": lambda: run(login_sessions.purge),
        "API keys": lambda: run(api_keys.purge),
        "one-time tokens": lambda: run(one_time_tokens.purge),
        "rate limits": lambda: run(rate_limits.purge),
        "mails": lambda: run(mails.purge),
        "webhook deliveries": lambda: run(webhook_queue.purge),
        "expired share links": lambda: run(shares.purge),
        "closed reports": lambda: run(reports.purge),
        "lost dispatchers": lambda: run(dispatchers.purge),
        "jobs that never started": lambda: run(trash.purge_never_started),
        "jobs in the trash": lambda: run(trash.purge),
        "videos in the trash": lambda: run(video_trash.purge),
        "expired base clips": lambda: garbage_collection.expired_bases(sessions, storage, limit=BATCH),
        "previews of ended jobs": lambda: garbage_collection.ended_previews(sessions, storage, limit=BATCH),
        "objects without a row": lambda: garbage_collection.orphans(sessions, storage, limit=BATCH),
    }
    removed = dict.fromkeys(steps, 0)
    for name, step in steps.items():
        batch = BATCH
        while batch >= BATCH:
            batch = await step()
            removed[name] += batch
            if batch:
                log.info("garbage collected", what=name, removed=batch)
    async with sessions.begin() as session:
        await figures.collected(session, {name: number for name, number in removed.items() if number})


async def measure_storage(sessions: Sessions) -> None:
    """Measure what is stored, for administrators."""
    async with sessions.begin() as session:
        await figures.measure_if_due(session)
