"""What all commands share: their output, their exit statuses, and the option for the data directory."""

from functools import partial
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console

DEFAULT_DATA_DIR: Final = Path(".aura")
EXIT_FAILURE: Final = 1
EXIT_INVALID_INPUT: Final = 2

# Without markup: prompts, file names and messages of the gateway may contain square brackets.
plain_console = partial(Console, markup=False, emoji=False, highlight=False)

DataDirOption = Annotated[
    Path, typer.Option(help="Directory of the database, videos, secrets and logs.", envvar="AURA_DATA")
]


def exit_with_error(message: str, status: int = EXIT_FAILURE) -> NoReturn:
    plain_console(stderr=True, soft_wrap=True).print(f"aura: {message}", style="red")
    raise typer.Exit(status)


def echo(message: str) -> None:
    plain_console(soft_wrap=True).print(message)
