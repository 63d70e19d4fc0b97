"""The classification of database errors, with errors of a real PostgreSQL."""

import errno
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from db import engine as engines
from db.embedded import Postgres, free_port
from db.errors import DATABASE_ERRORS, is_transient
from db.settings import plain_url
from tests.conftest import MakeUser

INSERT_USERS = "INSERT INTO users (id, email, password_hash) VALUES"


@asynccontextmanager
async def failing() -> AsyncIterator[pytest.ExceptionInfo[Exception]]:
    """Requires an error that the callers of the database catch."""
    with pytest.raises(DATABASE_ERRORS) as caught:
        yield caught


async def error_of(engine: AsyncEngine, *statements: str, **values: Any) -> BaseException:
    """The error of the last statement, all in one transaction."""
    async with failing() as caught, engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement), values if ":" in statement else {})
        await connection.commit()
    return caught.value


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """A server that the test may stop."""
    postgres = Postgres(tmp_path, settings={"fsync": "off"}, die_with_parent=True)
    postgres.start()
    yield postgres
    postgres.stop()


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_server_that_goes_away_is_transient(server: Postgres, how: str) -> None:
    engine = create_async_engine(server.url, poolclass=NullPool)
    raw = await asyncpg.connect(plain_url(server.url))
    async with failing() as in_transaction, engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        getattr(server, how)()
        await connection.execute(text("SELECT 1"))
    async with failing() as raw_error:
        await raw.execute("SELECT 1")
    raw.terminate()
    refused = await error_of(engine, "SELECT 1")
    assert isinstance(refused, OSError | DBAPIError)
    assert [is_transient(error) for error in (in_transaction.value, raw_error.value, refused)] == [True] * 3


async def test_a_refused_connection_is_transient() -> None:
    url = f"postgresql://u:p@127.0.0.1:{free_port()}/d"
    async with failing() as caught:
        await asyncpg.connect(url)
    assert is_transient(caught.value)
    assert is_transient(await error_of(engines.connect(url), "SELECT 1"))


async def test_an_unknown_host_is_transient() -> None:
    assert is_transient(await error_of(engines.connect("postgresql://u:p@host.invalid/d"), "SELECT 1"))


async def test_a_server_that_does_not_answer_is_transient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with failing() as caught:
            await asyncpg.connect(f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/d", timeout=0.1)
    assert isinstance(caught.value, TimeoutError)
    assert is_transient(caught.value)


async def test_a_terminated_connection_is_transient(engine: AsyncEngine) -> None:
    assert is_transient(await error_of(engine, "SELECT pg_terminate_backend(pg_backend_pid())"))


async def test_an_exhausted_pool_is_transient(postgres: Postgres) -> None:
    engine = create_async_engine(postgres.url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    async with engine.connect():
        assert is_transient(await error_of(engine, "SELECT 1"))
    await engine.dispose()


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(["SET LOCAL statement_timeout = '10ms'", "SELECT pg_sleep(5)"], id="statement timeout"),
        pytest.param(["SET TRANSACTION READ ONLY", "CREATE TABLE never (n int)"], id="read-only transaction"),
        pytest.param(["DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$"], id="serialization failure"),
        pytest.param(["DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '53300'; END $$"], id="too many connections"),
        pytest.param(["DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '57P03'; END $$"], id="server starting"),
        pytest.param(["DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '25P03'; END $$"], id="idle transaction ended"),
    ],
)
async def test_a_busy_database_is_transient(engine: AsyncEngine, statements: list[str]) -> None:
    assert is_transient(await error_of(engine, *statements))


async def test_a_lock_timeout_is_transient(engine: AsyncEngine, make_user: MakeUser) -> None:
    await make_user()
    async with engine.connect() as holder:
        await holder.execute(text("LOCK TABLE users"))
        error = await error_of(engine, "SET LOCAL lock_timeout = '50ms'", "SELECT * FROM users")
    assert isinstance(error, DBAPIError)
    assert getattr(error.orig, "sqlstate", None) == "55P03"
    assert is_transient(error)


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        pytest.param("SELEKT 1", {}, id="syntax error"),
        pytest.param("SELECT nothing FROM users", {}, id="unknown column"),
        pytest.param(
            f"{INSERT_USERS} (gen_random_uuid(), 'a', 'x'), (gen_random_uuid(), 'a', 'x')", {}, id="unique violation"
        ),
        pytest.param(f"{INSERT_USERS} (gen_random_uuid(), 'a', NULL)", {}, id="not null violation"),
        pytest.param("SELECT 1 / 0", {}, id="division by zero"),
        pytest.param("SELECT CAST(:value AS text)", {"value": "a\0b"}, id="a NUL in a string"),
        pytest.param("SELECT CAST(:value AS uuid)", {"value": "no uuid"}, id="a parameter of the wrong type"),
        pytest.param("SELECT CAST(:value AS int)", {"value": 2**70}, id="a number that is out of range"),
    ],
)
async def test_a_wrong_statement_is_not_transient(engine: AsyncEngine, statement: str, values: dict[str, Any]) -> None:
    assert not is_transient(await error_of(engine, statement, **values))


async def test_a_wrong_password_is_not_transient(postgres: Postgres) -> None:
    url = postgres.url.replace("aura:", "aura:x")
    assert not is_transient(await error_of(engines.connect(url), "SELECT 1"))


async def test_an_unknown_database_is_not_transient(postgres: Postgres) -> None:
    url = postgres.url.removesuffix("postgres") + "unknown"
    assert not is_transient(await error_of(engines.connect(url), "SELECT 1"))


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (ConnectionResetError(), True),
        (BrokenPipeError(), True),
        (TimeoutError(), True),
        (OSError("Multiple exceptions: [Errno 111], [Errno 111]"), True),
        (OSError(errno.EHOSTUNREACH, "No route to host"), True),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), True),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), False),
        (FileNotFoundError(errno.ENOENT, "No such file"), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (ValueError(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_of_the_operating_system(error: Exception, transient: bool) -> None:
    assert is_transient(error) is transient
