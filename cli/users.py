"""`aura users`: accounts, changed in the database of DATABASE_URL or of the `aura up` that runs here."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.console import JsonOption, print_json

if TYPE_CHECKING:
    from cli.accounts import Accounts
    from db.embedded import Postgres

T = TypeVar("T")
EXIT_FAILURE = 1

app = typer.Typer(help="Change accounts, as the operator.", no_args_is_help=True)
DataDirOption = Annotated[Path, typer.Option(help="Data directory of the running `aura up`.", envvar="AURA_DATA")]
Email = Annotated[str, typer.Argument(help="E-mail address of the account.")]
DEFAULT_DATA_DIR = Path(".aura")


class RoleName(StrEnum):
    """As `db.tables.Role`, which takes a second to import."""

    USER = "user"
    MODERATOR = "moderator"
    ADMIN = "admin"


class NoDatabase(Exception):
    """No database: set DATABASE_URL, or start `aura up` in this data directory."""


def database_url(data_dir: Path) -> str:
    """DATABASE_URL, or the embedded PostgreSQL that runs in the data directory. Raises NoDatabase."""
    from cli.system.data_dir import operator_settings

    return operator_settings().get("DATABASE_URL") or embedded(data_dir).url


def embedded(data_dir: Path) -> "Postgres":
    """The embedded PostgreSQL that runs in the data directory. Raises NoDatabase."""
    from db.embedded import Postgres

    folder = data_dir.absolute() / "postgres"
    try:
        port = int((folder / "cluster" / "postmaster.pid").read_text().splitlines()[3])
    except (FileNotFoundError, IndexError, ValueError):
        raise NoDatabase(str(NoDatabase.__doc__)) from None
    return Postgres(folder, port=port)


def run(data_dir: Path, action: "Callable[[Accounts], Awaitable[T]]") -> T:
    from cli.accounts import Accounts, NoSuchAccount
    from db.errors import DATABASE_ERRORS
    from db.logs import first_line

    async def act(url: str) -> T:
        accounts = Accounts(url)
        try:
            return await action(accounts)
        finally:
            await accounts.close()

    try:
        return asyncio.run(act(database_url(data_dir)))
    except (NoDatabase, NoSuchAccount, *DATABASE_ERRORS) as error:
        typer.secho(f"aura: {first_line(error)}", err=True, fg="red")
        raise typer.Exit(EXIT_FAILURE) from None


def report(text: str, *, as_json: bool, **values: Any) -> None:
    """Print the text, or the values as JSON."""
    if as_json:
        print_json(values)
    else:
        typer.echo(text)


@app.command("role")
def set_role(
    email: Email,
    role: Annotated[RoleName, typer.Argument(help="The new role.")],
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Give an account a role: this is how the first administrator is made."""
    from db.tables import Role

    run(data_dir, lambda accounts: accounts.set_role(email, Role(role)))
    report(f"{email}: {role}", as_json=as_json, email=email, role=role)


@app.command("disable")
def disable(email: Email, data_dir: DataDirOption = DEFAULT_DATA_DIR, as_json: JsonOption = False) -> None:
    """Refuse an account, and sign it out everywhere within seconds."""
    run(data_dir, lambda accounts: accounts.set_disabled(email, disabled=True))
    report(f"{email}: disabled", as_json=as_json, email=email, disabled=True)


@app.command("enable")
def enable(email: Email, data_dir: DataDirOption = DEFAULT_DATA_DIR, as_json: JsonOption = False) -> None:
    """Accept a disabled account again."""
    run(data_dir, lambda accounts: accounts.set_disabled(email, disabled=False))
    report(f"{email}: enabled", as_json=as_json, email=email, disabled=False)


@app.command("invite")
def invite(
    role: Annotated[RoleName, typer.Option(help="The role of the new account.")] = RoleName.USER,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Print an invitation for one new account, valid for seven days."""
    from db.tables import Role

    invitation = run(data_dir, lambda accounts: accounts.invite(Role(role)))
    report(invitation, as_json=as_json, invitation=invitation, role=role)


@app.command("reset")
def reset(email: Email, data_dir: DataDirOption = DEFAULT_DATA_DIR, as_json: JsonOption = False) -> None:
    """Print a token for POST /api/auth/password/reset, valid for an hour."""
    token = run(data_dir, lambda accounts: accounts.reset_token(email))
    report(token, as_json=as_json, email=email, token=token)
