"""What all commands share: their output, their exit statuses, and the options that choose the system."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console

DEFAULT_DATA_DIR: Final = Path(".aura")
# docs/API.md has the table of these.
EXIT_FAILURE: Final = 1
EXIT_INVALID_INPUT: Final = 2
EXIT_NOT_SIGNED_IN: Final = 3
EXIT_NOT_FOUND: Final = 4
# Exit status of a command that SIGINT has ended, by the convention of shells.
EXIT_INTERRUPTED: Final = 130

# Without markup: prompts, file names and messages of the gateway may contain square brackets.
plain_console = partial(Console, markup=False, emoji=False, highlight=False)

DataDirOption = Annotated[
    Path, typer.Option(help="Directory of the database, videos, secrets and logs.", envvar="AURA_DATA")
]
ApiOption = Annotated[str | None, typer.Option(help="URL of a remote gateway.", envvar="AURA_API")]
RemoteOption = Annotated[bool, typer.Option("--remote", help="Use the gateway of the last `aura login`.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON, and no progress.")]


def exit_with_error(message: str, status: int = EXIT_FAILURE) -> NoReturn:
    plain_console(stderr=True, soft_wrap=True).print(f"aura: {message}", style="red")
    raise typer.Exit(status)


def echo(message: str) -> None:
    plain_console(soft_wrap=True).print(message)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
