"""`aura audit`: the retention of the audit log."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.console import DEFAULT_DATA_DIR, DataDirOption, JsonOption, echo, exit_with_error, print_json

# PostgreSQL's code for a statement that the role may not execute.
FORBIDDEN = "42501"

app = typer.Typer(help="The audit log.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Keeps `purge` a sub-command."""


@app.command()
def purge(
    days: Annotated[
        int | None, typer.Option(help="Keep the entries of this many days; default: AUDIT_DAYS.", min=1)
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Delete old entries, as the owner of the tables: OWNER_DATABASE_URL, or the `aura up` that runs here."""
    from sqlalchemy.exc import ProgrammingError

    from cli.users import NoDatabase
    from db.audit_retention import delete_old_entries
    from db.errors import DATABASE_ERRORS
    from db.logs import first_line
    from db.settings import MigrationSettings

    kept = days or MigrationSettings().audit_days
    try:
        deleted = asyncio.run(delete_old_entries(owner_url(data_dir), kept))
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") != FORBIDDEN:
            raise
        exit_with_error("the role of this database may not delete entries: set OWNER_DATABASE_URL")
    except (NoDatabase, *DATABASE_ERRORS) as error:
        exit_with_error(first_line(error))
    if as_json:
        print_json({"deleted": deleted, "days": kept})
    else:
        echo(f"{deleted} entries were older than {kept} days")


def owner_url(data_dir: Path) -> str:
    """The database as the role that runs the migrations. Raises NoDatabase."""
    from cli.system.data_dir import operator_settings
    from cli.users import database_url, embedded

    configured = operator_settings()
    if url := configured.get("OWNER_DATABASE_URL"):
        return url
    return database_url(data_dir) if "DATABASE_URL" in configured else embedded(data_dir).owner_url
