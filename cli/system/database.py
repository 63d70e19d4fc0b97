"""The database of a system: the embedded PostgreSQL, the migrations, and the account of the local user."""

from pathlib import Path
from typing import Final

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from cli.accounts import create_local_account
from cli.system.address import StartFailed
from cli.system.data_dir import LOCAL_EMAIL
from db.embedded import Postgres
from db.errors import DATABASE_ERRORS, PostgresFailed
from db.logs import first_line
from db.migrate import upgrade

UNUSABLE: Final = (*DATABASE_ERRORS, SQLAlchemyError, CommandError, ValueError)


def start_postgres(folder: Path) -> Postgres:
    """Start the embedded PostgreSQL. Raises StartFailed."""
    postgres = Postgres(folder, die_with_parent=True)
    try:
        postgres.start()
    except PostgresFailed as error:
        raise StartFailed(str(error)) from error
    return postgres


def prepare(*, owner_url: str, application_url: str, local_password: str) -> None:
    """Run the missing migrations as the owner, and create the account of the local user. Raises StartFailed."""
    try:
        upgrade(owner_url)
        create_local_account(application_url, LOCAL_EMAIL, local_password)
    except UNUSABLE as error:
        reason = first_line(error) or type(error).__name__
        raise StartFailed(f"the database cannot be used: {reason}") from error


def restart(postgres: Postgres) -> str | None:
    """Start a server again that has ended; the reason if it does not start."""
    try:
        postgres.start()
    except (PostgresFailed, OSError) as error:
        return first_line(error)
    return None
