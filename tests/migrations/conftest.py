"""Filled databases of earlier releases, and the release before at work on them."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest

from db import migrate
from db.embedded import Postgres
from db.settings import plain_url

MakeDatabase = Callable[..., Awaitable[str]]
STEPS_SECONDS = 30
# (a connection, a user of its own, a number that no other step has) -> the row that was made, and whether it was ended
Step = Callable[[asyncpg.Connection, UUID, int], Awaitable[tuple[UUID, bool]]]


@pytest.fixture
def database_at(postgres: Postgres) -> MakeDatabase:
    """A function that makes a database at a revision, fills it, and returns the URL of the owner of its tables."""

    async def make(revision: str, fill: str = "") -> str:
        name = f"before_{revision}"
        superuser = await asyncpg.connect(plain_url(postgres.superuser_url))
        await superuser.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await superuser.execute(f"CREATE DATABASE {name} OWNER aura_owner")
        await superuser.close()
        url = postgres.owner_url.removesuffix("postgres") + name
        await asyncio.to_thread(migrate.upgrade, url, revision)
        connection = await asyncpg.connect(plain_url(url))
        if fill:
            await connection.execute(fill)
        await connection.close()
        return url

    return make


class OldRelease:
    """Repeats the statements of the release before, and records how long the longest repetition took."""

    def __init__(self, url: str, step: Step) -> None:
        self.url = url
        self.step = step
        self.longest = 0.0
        self.done: dict[UUID, bool] = {}
        self._numbers = itertools.count()

    async def run(self, process: int, stop: asyncio.Event) -> None:
        connection = await asyncpg.connect(plain_url(self.url), server_settings={"lock_timeout": "10s"})
        user = await connection.fetchval("SELECT id FROM users ORDER BY id OFFSET $1 LIMIT 1", process)
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            started = loop.time()
            row_id, ended = await self.step(connection, user, next(self._numbers))
            self.done[row_id] = ended
            self.longest = max(self.longest, loop.time() - started)
            await asyncio.sleep(0.002)
        await connection.close()

    async def makes(self, steps: int) -> None:
        """Wait until so many further repetitions have ended."""
        wanted = len(self.done) + steps
        async with asyncio.timeout(STEPS_SECONDS):
            while len(self.done) < wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def working(url: str, step: Step, processes: int = 1) -> AsyncIterator[OldRelease]:
    """The release before works before, during and after the block."""
    old, stop = OldRelease(url, step), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for process in range(processes):
            group.create_task(old.run(process, stop))
        try:
            # A statement is planned anew in its first five uses.
            await old.makes(8 * processes)
            yield old
            await old.makes(8 * processes)
        finally:
            stop.set()
