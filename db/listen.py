"""Notifications of a PostgreSQL channel. A notification is a hint: whatever it announces can also be read from rows."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import structlog

from db.errors import DATABASE_ERRORS, is_transient
from db.settings import plain_url

RECONNECTED: Final = {"type": "reconnected"}
_PROBE_SECONDS: Final = 5.0
# Pause before a reconnect: doubled after each failure, from the first to the longest.
_FIRST_PAUSE_SECONDS: Final = 0.1
_MAX_PAUSE_SECONDS: Final = 5.0
# The name of these connections in pg_stat_activity.
APPLICATION_NAME: Final = "auraanim-listen"
_log = structlog.get_logger(__name__)


async def listen(
    url: str, channel: str = "jobs", *, probe_seconds: float = _PROBE_SECONDS
) -> AsyncIterator[dict[str, Any]]:
    """The payloads of a channel, received on a connection of its own that is re-established when it breaks.

    The first item and the first after each reconnect is RECONNECTED: earlier notifications may be lost, so read the
    rows again. Raises only errors that are not transient, for example when the password is wrong.
    """
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            async with _subscription(url, channel) as (connection, inbox):
                pause = _FIRST_PAUSE_SECONDS
                yield dict(RECONNECTED)
                while True:
                    yield json.loads(await _receive(connection, inbox, probe_seconds))
        except DATABASE_ERRORS as error:
            if not is_transient(error):
                raise
            _log.warning("listen connection lost", channel=channel, error=type(error).__name__, retry_in=pause)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(pause * 2, _MAX_PAUSE_SECONDS)


@contextlib.asynccontextmanager
async def _subscription(url: str, channel: str) -> AsyncIterator[tuple[asyncpg.Connection, asyncio.Queue[str | None]]]:
    """A connection and the payloads it receives; None in the queue means that the connection was closed."""
    connection = await asyncpg.connect(
        plain_url(url), timeout=5, command_timeout=5, server_settings={"application_name": APPLICATION_NAME}
    )
    inbox: asyncio.Queue[str | None] = asyncio.Queue()
    try:
        connection.add_termination_listener(lambda _: inbox.put_nowait(None))
        await connection.add_listener(channel, lambda *notification: inbox.put_nowait(notification[-1]))
        yield connection, inbox
    finally:
        connection.terminate()


async def _receive(connection: asyncpg.Connection, inbox: asyncio.Queue[str | None], probe_seconds: float) -> str:
    """The next payload. A connection without traffic is probed, since a dead peer does not close it."""
    while True:
        try:
            # Not wait_for: in Python 3.11 it discards a cancellation that arrives together with a payload.
            async with asyncio.timeout(probe_seconds):
                payload = await inbox.get()
        except TimeoutError:
            await connection.execute("SELECT 1")
            continue
        if payload is None:
            raise ConnectionResetError
        return payload
