"""Bring a database up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from db.settings import DatabaseSettings, asyncpg_url

_HISTORY = Path(__file__).parents[1] / "migrations"


def config(url: str) -> Config:
    """What Alembic must know, without a file."""
    settings = Config()
    settings.set_main_option("script_location", str(_HISTORY))
    settings.attributes["url"] = asyncpg_url(url)
    return settings


def upgrade(url: str, revision: str = "head") -> None:
    """Run the missing migrations. Several processes may do so at once; none from within an event loop."""
    command.upgrade(config(url), revision)


if __name__ == "__main__":
    upgrade(DatabaseSettings().DATABASE_URL)
