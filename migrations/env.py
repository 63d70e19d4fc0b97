"""How Alembic reaches the database: asynchronously, with a lock timeout, one process at a time."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from db.models import Base
from db.settings import DatabaseSettings

_ONE_AT_A_TIME = 4_217_000
# A migration that waits for a lock makes everyone else wait behind it: give up soon, and try again by hand.
_SERVER_SETTINGS = {"application_name": "auraanim-migrations", "lock_timeout": "5s", "statement_timeout": "10min"}


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    url = context.config.attributes.get("url") or DatabaseSettings().DATABASE_URL
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"server_settings": _SERVER_SETTINGS})
    async with engine.connect() as connection:
        await connection.execute(text("SET lock_timeout = '60s'"))
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ONE_AT_A_TIME})
        await connection.execute(text("SET lock_timeout = '5s'"))
        await connection.commit()
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


asyncio.run(main())
