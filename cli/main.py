"""The `aura` command."""

import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import httpx
import typer
from pydantic import ValidationError
from rich.console import Console

from pipeline.contract.spec import Format, Spec

DEFAULT_DATA_DIR: Final = Path(".aura")
EXIT_FAILURE: Final = 1
EXIT_INVALID_INPUT: Final = 2

app = typer.Typer(
    help="AuraAnim: generate a short video from a prompt.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
models_app = typer.Typer(help="List and download models.", no_args_is_help=True)
evaluate_app = typer.Typer(help="Measure how well a model follows prompts.", no_args_is_help=True)
bench_app = typer.Typer(help="Measure the service.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(bench_app, name="bench")
app.add_typer(evaluate_app, name="evaluate")

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


@app.command()
def up(
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the API.", min=1, max=65535)] = 8000,
    web_port: Annotated[int, typer.Option(help="Port of the web app.", min=1, max=65535)] = 3000,
    no_web: Annotated[bool, typer.Option("--no-web", help="Do not start the web app.")] = False,
) -> None:
    """Start all services on this machine and run until Ctrl-C."""
    from cli.system.data_dir import EXIT_ALREADY_RUNNING, AlreadyRunning, DataDir
    from cli.system.up import StartFailed, System
    from db.errors import AuraError

    if not no_web:
        echo(f"this version does not include the web app: port {web_port} is not used")
    try:
        System(DataDir(data_dir.absolute()), host=host, port=port, echo=echo).run()
    except AlreadyRunning as error:
        exit_with_error(str(error), EXIT_ALREADY_RUNNING)
    except (StartFailed, AuraError, OSError) as error:
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
    scheduler: Annotated[str | None, typer.Option(help="Scheduler: ddim, euler, heun, dpm++ or lcm.")] = None,
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
        "scheduler": scheduler, "format": format_ or guess_format(output),
    }  # fmt: skip
    spec = {name: value for name, value in fields.items() if value is not None}
    validate_spec(spec)
    validate_output(output)
    run_generate(spec, output, api, data_dir.absolute(), as_json=as_json)


def run_generate(spec: dict[str, Any], output: Path, api: str | None, data_dir: Path, *, as_json: bool) -> None:
    from cli import generate as command
    from cli.client import ApiError, Client
    from cli.system.up import StartFailed

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM cancels the job, as Ctrl-C does
    console = plain_console(stderr=True, quiet=as_json)
    try:
        with command.open_gateway(api, data_dir, console) as url, Client(url) as client:
            command.sign_in(client, api, data_dir)
            outcome = command.generate(client, spec, output, console)
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


def models_dir(data_dir: Path) -> Path:
    """MODELS_DIR, as the pipeline reads it; by default a folder of the data directory."""
    from cli.system.data_dir import operator_settings

    return Path(operator_settings().get("MODELS_DIR", data_dir / "models"))


@models_app.command("list")
def list_models(data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """List the models with their stage, their licence, and whether their files are available."""
    from cli.models import print_models

    print_models(models_dir(data_dir), plain_console(soft_wrap=True))


@models_app.command("pull")
def pull_model(
    name: Annotated[str, typer.Argument(help="Name of the model, see `aura models list`.")],
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Download the files of a model."""
    from cli.models import all_weights
    from cli.pull import PullFailed, pull
    from cli.system.data_dir import DataDir, operator_settings

    catalog = {weights.name: weights for _, weights in all_weights()}
    if name not in catalog:
        exit_with_error(f"there is no model {name}; available: {', '.join(catalog)}", EXIT_INVALID_INPUT)
    try:
        if "MODELS_DIR" not in operator_settings():
            DataDir(data_dir).create()
        folder = pull(catalog[name], models_dir(data_dir), echo)
    except (PullFailed, OSError) as error:
        exit_with_error(str(error))
    echo(f"{name}: {folder}")


@models_app.command("words")
def list_words() -> None:
    """List the words that the tiny model knows."""
    from pipeline.contract.vocabulary import WORDS

    for group, words in WORDS.items():
        echo(f"{group}: {', '.join(words)}")


@evaluate_app.command("tiny")
def evaluate_tiny(
    prompts: Annotated[int, typer.Option(help="Number of held-out prompts.", min=1)] = 100,
) -> None:
    """Generate clips for held-out prompts with the tiny models and measure how many show what the prompt asks for."""
    from pipeline.tiny.evaluate import main as run

    run(["--prompts", str(prompts)])


@bench_app.command("eta")
def bench_eta(traces: Annotated[Path, typer.Argument(help="Directory of traces, written by TRACES_DIR.")]) -> None:
    """Replay recorded jobs and print the error of their time estimates."""
    from cli.eta import summary

    try:
        echo(summary(traces))
    except ValueError as error:
        exit_with_error(str(error))


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
