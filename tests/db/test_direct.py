"""Single statements without a transaction: values in, decoded rows out, and lost connections."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import Integer, bindparam, literal_column, select, text

from db.direct import Direct, Statement
from db.errors import DATABASE_ERRORS, is_transient
from tests.conftest import Sessions

PID = Statement.of("SELECT pg_backend_pid() AS pid")


@pytest.fixture
async def direct(database_url: str) -> AsyncIterator[Direct]:
    direct = Direct(database_url, size=1)
    yield direct
    await direct.close()


def test_values_are_numbered_in_the_order_of_their_first_use() -> None:
    statement = Statement.of("SELECT :b + :a + :b, '{}'::jsonb")
    assert (statement.sql, statement.names) == ("SELECT $1 + $2 + $1, '{}'::jsonb", ("b", "a"))


async def test_an_expression_is_a_statement_too(direct: Direct) -> None:
    doubled = select((bindparam("n", type_=Integer()) * literal_column("2")).label("doubled"))
    assert (await direct.read(Statement.of(doubled), {"n": 21}))[0]["doubled"] == 42


async def test_json_and_uuids_are_decoded(direct: Direct) -> None:
    statement = Statement.of("""SELECT CAST(:id AS uuid) AS id, '{"a": [1]}'::jsonb AS json""")
    (row,) = await direct.read(statement, {"id": UUID(int=7)})
    assert (row["id"], row["json"]) == (UUID(int=7), {"a": [1]})


async def _terminate(sessions: Sessions, pid: int) -> None:
    async with sessions() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


async def test_a_read_is_repeated_when_its_connection_is_lost(direct: Direct, sessions: Sessions) -> None:
    (before,) = await direct.read(PID, {})
    await _terminate(sessions, before["pid"])
    (after,) = await direct.read(PID, {})
    assert before["pid"] != after["pid"]


async def test_a_write_is_not_repeated(direct: Direct, sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    fetch = asyncpg.Connection.fetch

    async def lose(connection: asyncpg.Connection, *arguments: object) -> object:
        nonlocal calls
        calls += 1
        await _terminate(sessions, connection.get_server_pid())
        return await fetch(connection, *arguments)

    monkeypatch.setattr(asyncpg.Connection, "fetch", lose)
    with pytest.raises(DATABASE_ERRORS) as error:
        await direct.write(PID, {})
    assert (calls, is_transient(error.value)) == (1, True)


async def test_an_unreachable_database_is_a_transient_error() -> None:
    with pytest.raises(DATABASE_ERRORS) as error:
        await Direct("postgresql://aura:x@127.0.0.1:1/none").read(PID, {})
    assert is_transient(error.value)
