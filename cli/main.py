"""The `aura` command."""

import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import typer
from pydantic import ValidationError
from rich.console import Console

from pipeline.spec import Format, Spec

DATA_DIR = Path(".aura")
WRONG_INPUT, FAILED = 2, 1

app = typer.Typer(
    help="AuraAnim: a prompt goes in, a small video comes out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
plain = partial(Console, markup=False, emoji=False, highlight=False)
"""Prints text as it is: what people, models and gateways say is no markup."""

DataDir = Annotated[
    Path, typer.Option(help="Where the database, the videos, secrets and logs lie.", envvar="AURA_DATA")
]


def leave(message: str, status: int = FAILED) -> NoReturn:
    """One line to the person, and an exit status to the shell."""
    plain(stderr=True, soft_wrap=True).print(f"aura: {message}", style="red")
    raise typer.Exit(status)


@app.command()
def up(
    data_dir: DataDir = DATA_DIR,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port of the API.", min=1, max=65535)] = 8000,
    web_port: Annotated[int, typer.Option(help="The port of the web app.", min=1, max=65535)] = 3000,
    no_web: Annotated[bool, typer.Option("--no-web", help="Do not start the web app.")] = False,
) -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""
    from cli.home import BUSY, Busy, Home
    from cli.up import NotStarted, System
    from db.errors import AuraError

    say = plain(soft_wrap=True).print
    if not no_web:
        say(f"this version has no web app yet: nothing listens on port {web_port}")
    try:
        System(Home(data_dir.absolute()), host=host, port=port, say=say).run()
    except Busy as error:
        leave(str(error), BUSY)
    except (NotStarted, AuraError, OSError) as error:
        leave(str(error))


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="What the video shows.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")] = Path("video.mp4"),
    seconds: Annotated[float, typer.Option(help="How long the video is.")] = 2,
    fps: Annotated[int, typer.Option(help="Frames per second.")] = 24,
    width: Annotated[int, typer.Option(help="Pixels.")] = 512,
    height: Annotated[int, typer.Option(help="Pixels.")] = 512,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same video.")] = None,
    negative: Annotated[str, typer.Option(help="What the video should not show.")] = "",
    format_: Annotated[Format | None, typer.Option("--format", help="Default: as the file is called.")] = None,
    model: Annotated[str | None, typer.Option(help="See `aura models list`.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="ddim, euler, heun, dpm++ or lcm.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON instead of bars.")] = False,
    api: Annotated[str | None, typer.Option(help="The address of another AuraAnim.", envvar="AURA_API")] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Make one video and write it to a file."""
    from cli import generate as run
    from cli.client import Client, Problem
    from cli.up import NotStarted

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends this command cancels its job
    spec = {
        "prompt": prompt, "negative_prompt": negative, "duration_seconds": seconds, "fps": fps, "width": width,
        "height": height, "num_inference_steps": steps, "guidance_scale": guidance, "seed": seed, "model": model,
        "scheduler": scheduler, "format": format_ or guess_format(output),
    }  # fmt: skip
    console = plain(stderr=True, quiet=as_json)
    chosen = {name: value for name, value in spec.items() if value is not None}
    check_first(chosen)
    check_output(output)
    try:
        with run.system(api, data_dir.absolute(), console) as address, Client(address) as client:
            run.sign_in(client, api, data_dir.absolute())
            run.tell(run.generate(client, chosen, output, console), console, as_json=as_json)
    except Problem as problem:
        leave(str(problem), WRONG_INPUT if problem.status == httpx.codes.UNPROCESSABLE_ENTITY else FAILED)
    except (run.Failed, NotStarted, OSError, ValueError) as error:
        leave(str(error))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        leave(f"the gateway cannot be reached: {error}")
    except KeyboardInterrupt:
        leave("canceled", run.INTERRUPTED)


models = typer.Typer(help="The models that are known here.", no_args_is_help=True)
evaluate = typer.Typer(help="How well a model does what prompts say.", no_args_is_help=True)
bench = typer.Typer(help="Measure.", no_args_is_help=True)
app.add_typer(models, name="models")
app.add_typer(bench, name="bench")
app.add_typer(evaluate, name="evaluate")


def models_dir(data_dir: Path) -> Path:
    from cli.home import set_by_operator

    return Path(set_by_operator().get("MODELS_DIR", data_dir / "models"))


@models.command("list")
def list_models(data_dir: DataDir = DATA_DIR) -> None:
    """Name every model, what it is for, its licence, and whether its files are here."""
    from cli.models import show

    show(models_dir(data_dir), plain(soft_wrap=True))


@models.command("pull")
def pull_model(
    name: Annotated[str, typer.Argument(help="As `aura models list` names it.")], data_dir: DataDir = DATA_DIR
) -> None:
    """Fetch the files of a published model."""
    from cli.home import Home, set_by_operator
    from cli.models import every
    from cli.pull import CannotPull, pull

    known = {weights.name: weights for _, weights in every()}
    if name not in known:
        leave(f"there is no model {name}; there are: {', '.join(known)}", WRONG_INPUT)
    try:
        if "MODELS_DIR" not in set_by_operator():
            Home(data_dir).create()
        folder = pull(known[name], models_dir(data_dir), plain(soft_wrap=True).print)
    except (CannotPull, OSError) as error:
        leave(str(error))
    plain(soft_wrap=True).print(f"{name}: {folder}")


@models.command("words")
def words() -> None:
    """The words that the tiny model knows."""
    from pipeline.tiny.vocabulary import WORDS

    for group, known in WORDS.items():
        plain(soft_wrap=True).print(f"{group}: {', '.join(known)}")


@evaluate.command("tiny")
def evaluate_tiny(
    prompts: Annotated[int, typer.Option(help="How many held-out prompts.", min=1)] = 100,
) -> None:
    """Ask the small models for held-out prompts and count what came out as asked for."""
    from pipeline.tiny.evaluate import main as run

    run(["--prompts", str(prompts)])


@bench.command("eta")
def bench_eta(traces: Annotated[Path, typer.Argument(help="A folder that TRACES_DIR has filled.")]) -> None:
    """Replay recorded jobs and say how far their estimates were off."""
    from cli.eta import report

    try:
        plain(soft_wrap=True).print(report(traces))
    except ValueError as error:
        leave(str(error))


def check_first(spec: dict[str, Any]) -> None:
    """The limits are known here, too: wrong input is refused before anything is started."""
    try:
        Spec.model_validate(spec)
    except ValidationError as wrong:
        lines = [
            f"{'.'.join(map(str, error['loc'])) or 'request'}: {error['msg'].removeprefix('Value error, ')}"
            for error in wrong.errors()
        ]
        leave("; ".join(lines), WRONG_INPUT)


def check_output(output: Path) -> None:
    """Whether the video can be written there is found out before it is made."""
    folder = output.absolute().parent
    if not folder.is_dir():
        leave(f"{output}: there is no such folder", WRONG_INPUT)
    try:
        if output.exists() and not output.is_file():
            leave(f"{output}: this is not a file", WRONG_INPUT)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        leave(f"{output}: {error.strerror}", WRONG_INPUT)


def guess_format(output: Path) -> Format:
    extension = output.suffix.lstrip(".").lower()
    return next((format_ for format_ in Format if format_ == extension), Format.MP4)


def main() -> None:
    app()


if __name__ == "__main__":
    sys.exit(app())
