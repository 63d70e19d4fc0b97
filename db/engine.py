"""Connections to PostgreSQL.

The functions of this package take a session and never commit. A request or a job step is one transaction, committed
by the caller that opened it (`async with sessions.begin() as session: …`).
"""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from db.jobs.positions import SHARED_LINE, SharedLine
from db.settings import asyncpg_url

# The timeouts release the locks of a process that is suspended in the middle of a transaction.
_SERVER_SETTINGS: Final = {
    "application_name": "auraanim",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "10s",
    "jit": "off",
}


def connect(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine with a small pool that replaces broken connections."""
    return create_async_engine(
        asyncpg_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_pre_ping=True,
        # Errors are logged, and parameters may be prompts or password hashes.
        hide_parameters=True,
        connect_args={"timeout": 5, "command_timeout": 30, "server_settings": _SERVER_SETTINGS},
    )


def sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(engine, expire_on_commit=False, info={SHARED_LINE: SharedLine()})


async def ping(engine: AsyncEngine) -> None:
    """Execute a trivial statement. Raises one of `db.errors.DATABASE_ERRORS` if the database does not answer."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
