"""`aura bench …` and `aura evaluate …`: what is measured."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.console import EXIT_INVALID_INPUT, JsonOption, echo, exit_with_error, print_json

evaluate_app = typer.Typer(help="Measure how well a model follows prompts.", no_args_is_help=True)
bench_app = typer.Typer(help="Measure the service.")


@evaluate_app.command("tiny")
def evaluate_tiny(
    prompts: Annotated[int, typer.Option(help="Number of held-out prompts.", min=1)] = 100,
    as_json: JsonOption = False,
) -> None:
    """Generate clips for held-out prompts with the tiny models and measure how many show what the prompt asks for."""
    from pipeline.tiny.evaluate import evaluate, report

    figures = evaluate(prompts=prompts)
    print_json(asdict(figures)) if as_json else echo(report(figures))


@bench_app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    row: Annotated[list[str] | None, typer.Option(help="Measure only this row; can be repeated.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with an error if a goal is missed.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes and few repetitions: a smoke test.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="File to write the results to.")] = None,
) -> None:
    """Measure the rows of docs/PERFORMANCE.md on this machine, each against its goal."""
    from cli import bench as command

    if context.invoked_subcommand is not None:
        return
    rows = row or list(command.ROWS)
    if unknown := set(rows) - set(command.ROWS):
        exit_with_error(f"no row {', '.join(sorted(unknown))}; rows: {', '.join(command.ROWS)}", EXIT_INVALID_INPUT)
    try:
        results = command.run(rows, quick=quick, echo=echo)
    except command.NoCheckout as error:
        exit_with_error(str(error))
    if json_file is not None:
        command.write_json(results, json_file)
    if failed := [f"{result['row']} ({result['error']})" for result in results if "error" in result]:
        exit_with_error(f"rows failed: {'; '.join(failed)}")
    missed = [result["what"] for result in results if not result["met"]]
    if check and missed:
        exit_with_error(f"goals missed: {'; '.join(missed)}")


@bench_app.command("eta")
def bench_eta(
    traces: Annotated[Path, typer.Argument(help="Directory of traces, written by TRACES_DIR.")],
    as_json: JsonOption = False,
) -> None:
    """Replay recorded jobs and print the error of their time estimates."""
    from cli.eta import accuracy

    try:
        found = accuracy(traces)
    except ValueError as error:
        exit_with_error(str(error))
    print_json(asdict(found)) if as_json else echo(str(found))


@bench_app.command("simulate")
def bench_simulate(
    times: Annotated[
        Path | None,
        typer.Option(help="JSON with seconds of the stages, as in docs/PERFORMANCE.md; default: unmeasured goals."),
    ] = None,
    users: Annotated[list[int] | None, typer.Option(help="Number of users; can be repeated.", min=1)] = None,
    clips_per_day: Annotated[float, typer.Option(help="Clips of one user in a day.", min=0.001)] = 5,
    peak: Annotated[float, typer.Option(help="The busiest hour, as a multiple of the average.", min=1)] = 3,
    gpu_price: Annotated[float, typer.Option(help="Price of one GPU for one hour.", min=0)] = 3,
    failures: Annotated[float, typer.Option(help="Part of the calls that fail once.", min=0, max=1)] = 0.001,
    as_json: JsonOption = False,
) -> None:
    """Predict the replicas that a number of users needs, their waiting time, and the cost of a clip."""
    from cli import bench as command

    chosen = users or [10, 1_000, 100_000]
    try:
        answers = command.simulate(
            times, chosen, clips_per_day=clips_per_day, peak=peak, gpu_price=gpu_price, failures=failures
        )
    except command.NoCheckout as error:
        exit_with_error(str(error))
    except ValueError as error:
        exit_with_error(f"{times}: {error}", EXIT_INVALID_INPUT)
    print_json([asdict(answer) for answer in answers]) if as_json else echo(command.scale_table(answers))


@bench_app.command("start")
def bench_start(as_json: JsonOption = False) -> None:
    """Measure the parts of the start, an idle system, the default video and the stop. Takes one to two minutes."""
    from cli.system.start_benchmark import measure, print_report

    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder))
    if as_json:
        print_json(asdict(report))
        return
    for line in print_report(report):
        echo(line)
