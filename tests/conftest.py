"""What every test may ask for: a real PostgreSQL built by the migrations, clean for each test, and a storage."""

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
from db.models import Base
from db.storage_local import LocalStorage

Sessions = async_sessionmaker[AsyncSession]
MakeUser = Callable[..., Awaitable[UUID]]

_TABLES = Base.metadata.sorted_tables
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def pytest_configure(config: pytest.Config) -> None:
    """Coroutine tests and fixtures run under anyio without a mark."""
    config.option.anyio_mode = "auto"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One server for the whole run, with the tables as the migrations make them. It ends with this process."""
    server = Postgres(tmp_path_factory.mktemp("postgres"), settings=_NOT_DURABLE, die_with_parent=True)
    url = server.start()
    migrate.upgrade(url)
    yield server
    server.stop()


@pytest.fixture(scope="session")
async def connections(postgres: Postgres) -> AsyncIterator[AsyncEngine]:
    """Connections for the whole run: opening them takes longer than most tests."""
    made = engines.connect(postgres.url)
    yield made
    await made.dispose()


@pytest.fixture
async def engine(connections: AsyncEngine) -> AsyncEngine:
    """Connections to an empty database."""
    async with connections.connect() as connection:  # deleting a few rows is much faster than TRUNCATE
        raw = await connection.get_raw_connection()
        await raw.driver_connection.execute("; ".join(f"DELETE FROM {table.name}" for table in reversed(_TABLES)))
    return connections


@pytest.fixture
def database_url(postgres: Postgres, engine: AsyncEngine) -> str:
    """The URL of the empty database, for processes and applications of their own."""
    return postgres.url


@pytest.fixture
def sessions(engine: AsyncEngine) -> Sessions:
    return engines.sessions(engine)


@pytest.fixture
async def session(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """One session that commits nothing by itself."""
    async with sessions() as opened:
        yield opened


@pytest.fixture
def make_user(sessions: Sessions) -> MakeUser:
    """Makes an account and gives its id."""

    async def make(email: str | None = None, **values: Any) -> UUID:
        async with sessions() as opened, opened.begin():
            address = email or f"{secrets.token_hex(4)}@example.com"
            user = await users.create(opened, email=address, **{"password_hash": "x", **values})
            return user.id

    return make


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "objects", b"k" * 32)
