"""Database migrations."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncEngine

from db.settings import DatabaseSettings, MigrationSettings, asyncpg_url

_HISTORY = Path(__file__).parents[1] / "migrations"


def config(url: str) -> Config:
    """Alembic's configuration, without an ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(_HISTORY))
    settings.attributes["url"] = asyncpg_url(url)
    return settings


async def is_current(engine: AsyncEngine) -> bool:
    """Whether every migration of this version has run."""
    async with engine.connect() as connection:
        heads = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
    return frozenset(heads) == _newest_revisions()


@cache
def _newest_revisions() -> frozenset[str]:
    return frozenset(ScriptDirectory(str(_HISTORY)).get_heads())


def upgrade(url: str, revision: str = "head") -> None:
    """Run the missing migrations. Safe to call from several processes at once, not from a running event loop."""
    command.upgrade(config(url), revision)


if __name__ == "__main__":
    upgrade(MigrationSettings().owner_database_url or DatabaseSettings().database_url)
