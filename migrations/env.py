"""Alembic's environment: asyncpg, a lock timeout, and an advisory lock so that one process migrates at a time."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from db.settings import DatabaseSettings
from db.tables import Base

_ADVISORY_LOCK = 4_217_000
# All other statements queue behind a migration that waits for a table lock, so it fails after a few seconds.
_SERVER_SETTINGS = {"application_name": "auraanim-migrations", "lock_timeout": "5s", "statement_timeout": "10min"}


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    url = context.config.attributes.get("url") or DatabaseSettings().database_url
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"server_settings": _SERVER_SETTINGS})
    async with engine.connect() as connection:
        await connection.execute(text("SET lock_timeout = '60s'"))
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
        await connection.execute(text("SET lock_timeout = '5s'"))
        await connection.commit()
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


asyncio.run(main())
