"""Ends the open streams of revoked login sessions and API keys: two queries, every two seconds.

Requests need none of this: `get_current_user` reads the session or key of each. While the database is unreachable,
streams stay open, since their events come from the same database.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db import api_keys, login_sessions
from db.errors import is_transient

POLL_SECONDS = 2.0
T = TypeVar("T")
log = structlog.get_logger("api.auth")


@dataclass(eq=False)
class Watch:
    """The login session, or the API key, of one stream. `revoked` is done when it has ended.

    A future and not an event, which takes more memory for each stream. Created in the event loop of the stream.
    """

    session_id: UUID
    revoked: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def or_revoked(self, waiting: Coroutine[Any, Any, T]) -> T | None:
        """The result of a wait, which is canceled with the result None when the session ends."""
        task = asyncio.create_task(waiting)
        try:
            await asyncio.wait((task, self.revoked), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()


class Revocations:
    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._watches: set[Watch] = set()

    @contextmanager
    def watch(self, session_id: UUID) -> Iterator[Watch]:
        """Watch a session until the block ends. A stream that is authenticated again changes `session_id`."""
        watch = Watch(session_id)
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.poll()
            except Exception as error:  # outermost loop of the process
                log.warning(
                    "sessions could not be read, retrying", error=type(error).__name__, exc_info=not is_transient(error)
                )

    async def poll(self) -> None:
        watched = {watch: watch.session_id for watch in self._watches}
        if not watched:
            return
        async with self._sessions() as session:
            ids = set(watched.values())
            live = await login_sessions.live_ids(session, ids)
            if live != ids:
                live |= await api_keys.live_ids(session, ids - live)
        for watch, session_id in watched.items():
            if session_id not in live and watch.session_id == session_id and not watch.revoked.done():
                watch.revoked.set_result(None)
