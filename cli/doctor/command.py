"""`aura doctor`: the table, and the rows that `aura up` prints when it cannot start."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.console import DEFAULT_DATA_DIR, EXIT_FAILURE, DataDirOption, JsonOption, plain_console, print_json
from cli.doctor.finding import Finding, Verdict

STYLES: Final = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red"}


def doctor(
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    host: Annotated[str, typer.Option(help="Address that `aura up` would listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port that `aura up` would listen on.", min=1, max=65535)] = 8000,
    as_json: JsonOption = False,
) -> None:
    """Check this machine and the services, and print what to do. Exit status 1 if there is a problem."""
    findings = list(examine(data_dir.absolute(), host, port))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_table(findings, plain_console())
    if any(finding.verdict is Verdict.PROBLEM for finding in findings):
        raise typer.Exit(EXIT_FAILURE)


def examine(data_dir: Path, host: str, port: int) -> Iterator[Finding]:
    """All checks. None of them changes anything, or starts a service."""
    from cli.doctor import machine, services
    from cli.system.data_dir import operator_settings
    from pipeline.settings import PipelineSettings

    try:
        settings = PipelineSettings()
    except ValidationError:
        settings = PipelineSettings.model_construct()  # `check_settings` reports it
    models_dir = Path(operator_settings().get("MODELS_DIR", data_dir / "models"))
    yield machine.check_python()
    yield machine.check_disk(data_dir)
    yield machine.check_memory()
    yield machine.check_shared_memory()
    yield machine.check_open_files()
    yield machine.check_gpu(settings.device)
    yield machine.check_node()
    yield services.check_settings()
    yield services.check_port(data_dir, host, port)
    yield services.check_database()
    yield services.check_object_store(data_dir)
    yield services.check_ray(settings.ray_address)
    yield services.check_models(models_dir)
    yield services.check_clock()


def print_table(findings: list[Finding], console: Console) -> None:
    table = Table("", "", "found", "what to do", box=None, pad_edge=False)
    for finding in findings:
        verdict = Text(finding.verdict, style=STYLES[finding.verdict])
        table.add_row(finding.name, verdict, Text(finding.found), Text(finding.advice))
    console.print(table)


def failing_lines(data_dir: Path, host: str, port: int) -> list[str]:
    """A line for each problem, for an `aura up` that cannot start."""
    findings = examine(data_dir, host, port)
    return [finding.line() for finding in findings if finding.verdict is Verdict.PROBLEM]
