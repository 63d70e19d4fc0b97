"""Fixtures of all tests: a real PostgreSQL built by the migrations and emptied before each test, and a storage."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from db import engine as engines
from db import migrate, users
from db.embedded import Postgres
from db.storage.local import LocalStorage
from db.tables import Base
from tests.faults.table import pytest_runtest_makereport, pytest_terminal_summary, row  # noqa: F401  (plugin)

Sessions = async_sessionmaker[AsyncSession]
MakeUser = Callable[..., Awaitable[UUID]]

_TABLES = Base.metadata.sorted_tables
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def pytest_configure(config: pytest.Config) -> None:
    """Run coroutine tests and fixtures under anyio without a marker."""
    config.option.anyio_mode = "auto"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One server for the whole run, migrated. It exits with this process."""
    server = Postgres(tmp_path_factory.mktemp("postgres"), settings=_NOT_DURABLE, die_with_parent=True)
    server.start()
    migrate.upgrade(server.owner_url)
    yield server
    server.stop()


@pytest.fixture(scope="session")
async def connections(postgres: Postgres) -> AsyncIterator[AsyncEngine]:
    """One pool for the whole run: connecting takes longer than most tests."""
    pool = engines.connect(postgres.url)
    yield pool
    await pool.dispose()


@pytest.fixture(scope="session")
async def owner_connections(postgres: Postgres) -> AsyncIterator[AsyncEngine]:
    """A pool of the owner of the tables: the application may not delete the rows of every table."""
    pool = engines.connect(postgres.owner_url, pool_size=1)
    yield pool
    await pool.dispose()


@pytest.fixture
async def engine(connections: AsyncEngine, owner_connections: AsyncEngine) -> AsyncEngine:
    """The pool, with an empty database."""
    async with owner_connections.connect() as connection:  # DELETE of a few rows is much faster than TRUNCATE
        raw = await connection.get_raw_connection()
        await raw.driver_connection.execute("; ".join(f"DELETE FROM {table.name}" for table in reversed(_TABLES)))
    return connections


@pytest.fixture
async def owner_engine(postgres: Postgres, engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Connections as the owner of the tables, for tests that change a table. `engine` is the application's role."""
    owner = engines.connect(postgres.owner_url)
    yield owner
    await owner.dispose()


@pytest.fixture
def database_url(postgres: Postgres, engine: AsyncEngine) -> str:
    """The URL of the empty database, for other processes and for applications with their own pool."""
    return postgres.url


@pytest.fixture
def sessions(engine: AsyncEngine) -> Sessions:
    return engines.sessions(engine)


@pytest.fixture
async def session(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """A session that does not commit."""
    async with sessions() as opened:
        yield opened


@pytest.fixture
def make_user(sessions: Sessions) -> MakeUser:
    """A function that creates an account and returns its id."""

    async def make(email: str | None = None, **values: Any) -> UUID:
        async with sessions() as opened, opened.begin():
            address = email or f"{secrets.token_hex(4)}@example.com"
            user = await users.create(opened, email=address, **{"password_hash": "x", **values})
            return user.id

    return make


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "objects", b"k" * 32)
