"""The `aura` command."""

import sys
from typing import Annotated

import typer

from cli import library
from cli.audit import app as audit_app
from cli.bench_commands import bench_app, evaluate_app
from cli.console import DEFAULT_DATA_DIR, DataDirOption, echo, exit_with_error
from cli.doctor.command import doctor, failing_lines
from cli.generate_command import generate
from cli.login import login, logout
from cli.mcp_command import mcp
from cli.model_commands import models_app
from cli.reproduce import reproduce
from cli.users import app as users_app

app = typer.Typer(
    help="AuraAnim: generate a short video from a prompt.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(models_app, name="models")
app.add_typer(bench_app, name="bench")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(users_app, name="users")
app.add_typer(audit_app, name="audit")


@app.command()
def up(
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the API.", min=1, max=65535)] = 8000,
    web_port: Annotated[int, typer.Option(help="Port of the web app.", min=1, max=65535)] = 3000,
    no_web: Annotated[bool, typer.Option("--no-web", help="Do not start the web app.")] = False,
) -> None:
    """Start all services on this machine and run until Ctrl-C."""
    from cli.doctor.machine import blocking
    from cli.system.address import StartFailed
    from cli.system.data_dir import EXIT_ALREADY_RUNNING, AlreadyRunning, DataDir
    from cli.system.up import System
    from cli.system.web import WebApp

    if problems := blocking(data_dir.absolute()):
        exit_with_error("; ".join(problem.line() for problem in problems))
    try:
        web = None if no_web else WebApp(web_port)
        System(DataDir(data_dir.absolute()), host=host, port=port, echo=echo, web=web).run()
    except AlreadyRunning as error:
        exit_with_error(str(error), EXIT_ALREADY_RUNNING)
    except (StartFailed, OSError) as error:
        for line in failing_lines(data_dir.absolute(), host, port):
            echo(line)
        exit_with_error(str(error))


for command in (generate, reproduce, login, logout, mcp, doctor):
    app.command()(command)
app.command("list")(library.list_videos)
app.command("get")(library.get)
app.command("cancel")(library.cancel)
app.command("finish")(library.finish)


def main() -> None:
    app()


if __name__ == "__main__":
    sys.exit(app())
