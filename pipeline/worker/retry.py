"""Retries: of database work while the database is unreachable, and of jobs."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential

from db.errors import is_transient
from db.jobs.leases import Backoff
from db.logs import first_line
from pipeline.settings import PipelineSettings

T = TypeVar("T")
# Seconds between two tries: 0.1, 0.2, 0.4, …, 2.
WAIT: Final = wait_exponential(multiplier=0.1, max=2)

log = structlog.get_logger()


def backoff(settings: PipelineSettings) -> Backoff:
    """The pause of a job between two attempts."""
    return Backoff(settings.retry_pause_seconds, settings.retry_max_pause_seconds)


async def persist(
    sessions: async_sessionmaker[AsyncSession], write: Callable[[AsyncSession], Awaitable[T]], **context: Any
) -> T:
    """Run `write` in a transaction, and repeat it until the database answers.

    Safe for fenced writes only: the answer to a COMMIT may be lost, and the repeated write then finds no row.
    `context` is added to the log lines.
    """

    def log_failure(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None:
            log.warning("database unreachable", error=first_line(error), **context)

    async def transaction() -> T:
        async with sessions.begin() as session:
            return await write(session)

    retrying = AsyncRetrying(retry=retry_if_exception(is_transient), wait=WAIT, before_sleep=log_failure, reraise=True)
    return await retrying(transaction)
