"""The `aura` command."""

import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from pydantic import ValidationError

from cli.audit import app as audit_app
from cli.console import (
    DEFAULT_DATA_DIR,
    EXIT_FAILURE,
    EXIT_INVALID_INPUT,
    DataDirOption,
    echo,
    exit_with_error,
    plain_console,
)
from cli.doctor.command import doctor, failing_lines
from cli.model_commands import models_app
from cli.users import app as users_app
from pipeline.contract.spec import CameraMotion, Format, Spec, Upscaler

app = typer.Typer(
    help="AuraAnim: generate a short video from a prompt.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
evaluate_app = typer.Typer(help="Measure how well a model follows prompts.", no_args_is_help=True)
bench_app = typer.Typer(help="Measure the service.")
app.add_typer(models_app, name="models")
app.add_typer(bench_app, name="bench")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(users_app, name="users")
app.add_typer(audit_app, name="audit")
app.command()(doctor)


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


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="Description of the video.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")] = Path("video.mp4"),
    seconds: Annotated[float, typer.Option(help="Duration in seconds.")] = 2,
    fps: Annotated[int, typer.Option(help="Frames per second.")] = 24,
    width: Annotated[int, typer.Option(help="Width in pixels.")] = 512,
    height: Annotated[int, typer.Option(help="Height in pixels.")] = 512,
    steps: Annotated[int | None, typer.Option(help="Number of denoising steps.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed: the same request and seed produce the same video.")] = None,
    negative: Annotated[str, typer.Option(help="Negative prompt: what the video should not show.")] = "",
    format_: Annotated[
        Format | None, typer.Option("--format", help="Video format; default: from the extension of the file.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model, see `aura models list`.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Scheduler: own, ddim, euler, heun, dpm++ or lcm.")] = None,
    style: Annotated[str | None, typer.Option(help="Name of a style, see `aura models styles`.")] = None,
    enhance: Annotated[bool, typer.Option("--enhance", help="Complete the prompt for the model.")] = False,
    lora: Annotated[list[str] | None, typer.Option(help="LoRA, as NAME or NAME:WEIGHT. Can be repeated.")] = None,
    motion: Annotated[CameraMotion | None, typer.Option(help="Camera motion.")] = None,
    travel: Annotated[
        list[str] | None, typer.Option(help="Prompt from a time on, as 2.5s:PROMPT. Can be repeated.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="The last frame is followed by the first one.")] = False,
    image: Annotated[Path | None, typer.Option(help="First frame: an image file.")] = None,
    upscaler: Annotated[Upscaler | None, typer.Option(help="What the upscaler is chosen for.")] = None,
    denoise: Annotated[float | None, typer.Option(help="How much grain the fast upscaler removes, 0 to 1.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one line of JSON, and no progress.")
    ] = False,
    api: Annotated[str | None, typer.Option(help="URL of a remote gateway.", envvar="AURA_API")] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Generate one video and write it to a file."""
    fields = {
        "prompt": prompt, "negative_prompt": negative, "duration_seconds": seconds, "fps": fps, "width": width,
        "height": height, "num_inference_steps": steps, "guidance_scale": guidance, "seed": seed, "model": model,
        "scheduler": scheduler, "format": format_ or guess_format(output), "style": style,
        "enhance_prompt": enhance or None, "loras": [parse_lora(text) for text in lora] if lora else None,
        "motion": motion,
        "prompt_travel": dict(map(parse_travel, travel)) if travel else None, "loop": loop or None,
        "image": encode_image(image) if image else None, "upscaler": upscaler, "denoise_strength": denoise,
    }  # fmt: skip
    spec = {name: value for name, value in fields.items() if value is not None}
    validate_spec(spec)
    validate_output(output)
    run_generate(spec, output, api, data_dir.absolute(), as_json=as_json)


def parse_lora(text: str) -> dict[str, Any]:
    """`name` or `name:weight`."""
    name, _, weight = text.partition(":")
    try:
        return {"name": name, "weight": float(weight or 1)}
    except ValueError:
        exit_with_error(f"--lora {text}: the weight is not a number", EXIT_INVALID_INPUT)


def parse_travel(text: str) -> tuple[str, str]:
    """`2.5s:prompt` or `12:prompt`."""
    moment, _, prompt = text.partition(":")
    return moment.strip(), prompt.strip()


def encode_image(path: Path) -> str:
    """The image in base64, made small enough for a request."""
    from cli.images import ImageUnreadable, encode

    try:
        return encode(path)
    except ImageUnreadable as error:
        exit_with_error(str(error), EXIT_INVALID_INPUT)


def run_generate(spec: dict[str, Any], output: Path, api: str | None, data_dir: Path, *, as_json: bool) -> None:
    from cli import generate as command
    from cli.client import ApiError, Client
    from cli.system.address import StartFailed

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM cancels the job, as Ctrl-C does
    console = plain_console(stderr=True, quiet=as_json)
    try:
        with command.open_gateway(api, data_dir, console) as url, Client(url) as client:
            command.sign_in(client, api, data_dir)
            display = command.start_display(api, data_dir, console)
            outcome = command.generate(client, spec, output, console, display)
            command.print_outcome(outcome, console, as_json=as_json)
    except ApiError as error:
        is_invalid = error.status == httpx.codes.UNPROCESSABLE_ENTITY
        exit_with_error(str(error), EXIT_INVALID_INPUT if is_invalid else EXIT_FAILURE)
    except (command.GenerateFailed, StartFailed, OSError, ValueError) as error:
        exit_with_error(str(error))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        exit_with_error(f"the gateway cannot be reached: {error}")
    except KeyboardInterrupt:
        exit_with_error("canceled", command.EXIT_INTERRUPTED)


@evaluate_app.command("tiny")
def evaluate_tiny(
    prompts: Annotated[int, typer.Option(help="Number of held-out prompts.", min=1)] = 100,
) -> None:
    """Generate clips for held-out prompts with the tiny models and measure how many show what the prompt asks for."""
    from pipeline.tiny.evaluate import main as run

    run(["--prompts", str(prompts)])


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
    missed = [result["what"] for result in results if not result["met"]]
    if check and missed:
        exit_with_error(f"goals missed: {'; '.join(missed)}")


@bench_app.command("eta")
def bench_eta(traces: Annotated[Path, typer.Argument(help="Directory of traces, written by TRACES_DIR.")]) -> None:
    """Replay recorded jobs and print the error of their time estimates."""
    from cli.eta import summary

    try:
        echo(summary(traces))
    except ValueError as error:
        exit_with_error(str(error))


@bench_app.command("simulate")
def bench_simulate(
    preset: Annotated[str, typer.Option(help="Stage times: h200-goals (goals, not measured) or small.")] = "h200-goals",
    users: Annotated[list[int] | None, typer.Option(help="Number of users; can be repeated.", min=1)] = None,
    clips_per_day: Annotated[float, typer.Option(help="Clips of one user in a day.", min=0.001)] = 5,
    peak: Annotated[float, typer.Option(help="The busiest hour, as a multiple of the average.", min=1)] = 3,
    gpu_price: Annotated[float, typer.Option(help="Price of one GPU for one hour.", min=0)] = 3,
) -> None:
    """Predict the replicas that a number of users needs, their waiting time, and the cost of a clip."""
    from cli import bench as command

    chosen = users or [10, 1_000, 100_000]
    try:
        echo(command.simulate(preset, chosen, clips_per_day=clips_per_day, peak=peak, gpu_price=gpu_price))
    except command.NoCheckout as error:
        exit_with_error(str(error))
    except KeyError:
        exit_with_error(f"no preset {preset}", EXIT_INVALID_INPUT)


@bench_app.command("start")
def bench_start() -> None:
    """Measure the parts of the start, an idle system, the default video and the stop. Takes one to two minutes."""
    from cli.system.start_benchmark import measure, print_report

    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder))
    for line in print_report(report):
        echo(line)


def validate_spec(spec: dict[str, Any]) -> None:
    """Exit with an error for an invalid request, before a system is started for it."""
    try:
        Spec.model_validate(spec)
    except ValidationError as invalid:
        lines = [
            f"{'.'.join(map(str, error['loc'])) or 'request'}: {error['msg'].removeprefix('Value error, ')}"
            for error in invalid.errors()
        ]
        exit_with_error("; ".join(lines), EXIT_INVALID_INPUT)


def validate_output(output: Path) -> None:
    """Exit with an error if the file cannot be written, before the video is generated."""
    folder = output.absolute().parent
    if not folder.is_dir():
        exit_with_error(f"{output}: no such folder", EXIT_INVALID_INPUT)
    try:
        if output.exists() and not output.is_file():
            exit_with_error(f"{output}: not a file", EXIT_INVALID_INPUT)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        exit_with_error(f"{output}: {error.strerror}", EXIT_INVALID_INPUT)


def guess_format(output: Path) -> Format:
    """The format that the extension of the file names; MP4 for any other extension."""
    extension = output.suffix.lstrip(".").lower()
    return next((format_ for format_ in Format if format_ == extension), Format.MP4)


def main() -> None:
    app()


if __name__ == "__main__":
    sys.exit(app())
