"""Single statements without a transaction around them, for the paths that run often.

A statement is sent on asyncpg itself: one round trip, and none of the work that a session does for each transaction.
Use a session for everything that needs more than one statement. Why: docs/decisions/0017-turns.md.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from sqlalchemy import Executable, text
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from db.settings import plain_url

_DIALECT: Final = PGDialect_asyncpg()
_SERVER_SETTINGS: Final = {"application_name": "auraanim", "lock_timeout": "10s", "jit": "off"}
# The server ends a connection without announcing it when it restarts.
_CONNECTION_LOST: Final = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    ConnectionError,
)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement in the form of asyncpg: `$1`, `$2`, … and the names of the values in this order."""

    sql: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, statement: Executable | str) -> "Statement":
        """From SQL with `:name` parameters, or from an expression whose parameters are all named."""
        compiled: Any = text(statement) if isinstance(statement, str) else statement
        compiled = compiled.compile(dialect=_DIALECT)
        return cls(str(compiled), tuple(compiled.positiontup or ()))


class Direct:
    """A few connections, opened when they are first needed."""

    def __init__(self, url: str, *, size: int = 4) -> None:
        self._url, self._size = plain_url(url), size
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def write(self, statement: Statement, values: Row) -> list[Row]:
        """The rows of a statement that must not be executed twice."""
        async with self._connection() as connection:
            rows: list[Row] = await connection.fetch(statement.sql, *[values[name] for name in statement.names])
            return rows

    async def read(self, statement: Statement, values: Row) -> list[Row]:
        """The rows of a statement that may be executed twice: again if its connection turns out to be lost."""
        try:
            return await self.write(statement, values)
        except _CONNECTION_LOST:
            return await self.write(statement, values)

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        pool = self._pool or await self._open()
        async with pool.acquire(timeout=10) as connection:
            try:
                yield connection
            except _CONNECTION_LOST:
                connection.terminate()  # asyncpg may not have noticed, and would lend it again
                raise

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._size,
                    timeout=5,
                    command_timeout=30,
                    init=_decode_json,
                    # Nothing outlives a statement here, so there is nothing to reset.
                    reset=_keep,
                    server_settings=_SERVER_SETTINGS,
                )
            return self._pool


async def _decode_json(connection: asyncpg.Connection) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=str, decoder=json.loads, schema="pg_catalog")


async def _keep(_: asyncpg.Connection) -> None:
    return
