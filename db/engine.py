"""Connections to PostgreSQL.

The functions of this package take a session and never commit: a request or a job step is one transaction, committed
where it began (`async with sessions() as session, session.begin(): …`).
"""

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from db.settings import asyncpg_url

# A process that is stopped in the middle of a transaction must not hold its locks for ever.
_SERVER_SETTINGS = {
    "application_name": "auraanim",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "10s",
    "jit": "off",
}


def connect(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine with a small pool that replaces broken connections by itself."""
    return create_async_engine(
        asyncpg_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,  # errors are logged, and parameters are prompts and hashes
        connect_args={"timeout": 5, "command_timeout": 30, "server_settings": _SERVER_SETTINGS},
    )


def sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(engine, expire_on_commit=False)
