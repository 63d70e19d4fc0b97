"""What the database tells: hints that a job changed. Whoever misses one finds out by looking."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import structlog

from db.settings import plain_url

RECONNECTED = {"type": "reconnected"}
_PROBE_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_BROKEN = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_log = structlog.get_logger(__name__)


async def listen(
    url: str, channel: str = "jobs", *, probe_seconds: float = _PROBE_SECONDS
) -> AsyncIterator[dict[str, Any]]:
    """The payloads of a channel, for ever, over one connection of its own.

    The first item, and one after each reconnect, is RECONNECTED: what was told before is lost, so read again.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            async with _subscribed(url, channel) as (connection, inbox):
                pause = _FIRST_PAUSE
                yield dict(RECONNECTED)
                while True:
                    yield json.loads(await _next(connection, inbox, probe_seconds))
        except _BROKEN as error:
            _log.warning("listen_lost", channel=channel, error=type(error).__name__, retry_in=pause)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(pause * 2, _LONGEST_PAUSE)


@contextlib.asynccontextmanager
async def _subscribed(url: str, channel: str) -> AsyncIterator[tuple[asyncpg.Connection, asyncio.Queue[str | None]]]:
    connection = await asyncpg.connect(plain_url(url), timeout=5, command_timeout=5)
    inbox: asyncio.Queue[str | None] = asyncio.Queue()
    try:
        connection.add_termination_listener(lambda _: inbox.put_nowait(None))
        await connection.add_listener(channel, lambda *told: inbox.put_nowait(told[-1]))
        yield connection, inbox
    finally:
        connection.terminate()


async def _next(connection: asyncpg.Connection, inbox: asyncio.Queue[str | None], probe_seconds: float) -> str:
    """The next payload; a connection that fell silent is asked whether it still lives."""
    while True:
        try:
            payload = await asyncio.wait_for(inbox.get(), probe_seconds)
        except TimeoutError:
            await connection.execute("SELECT 1")
            continue
        if payload is None:
            raise ConnectionResetError
        return payload
