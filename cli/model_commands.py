"""`aura models …`: list, download, check and find models; styles and words."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import (
    DEFAULT_DATA_DIR,
    EXIT_INVALID_INPUT,
    DataDirOption,
    JsonOption,
    echo,
    exit_with_error,
    plain_console,
    print_json,
)
from pipeline.contract.catalog import Model, Weights

models_app = typer.Typer(help="List and download models.", no_args_is_help=True)


def models_dir(data_dir: Path) -> Path:
    """MODELS_DIR, as the pipeline reads it; by default a folder of the data directory."""
    from cli.system.data_dir import operator_settings

    return Path(operator_settings().get("MODELS_DIR", data_dir / "models"))


def load_own_models(data_dir: Path) -> None:
    """Add the models of MODELS_FILE, by default `models.toml` in the models directory, to the catalog."""
    from cli.system.data_dir import operator_settings
    from pipeline.contract import own_models

    path = Path(operator_settings().get("MODELS_FILE", models_dir(data_dir) / own_models.FILE_NAME))
    try:
        own_models.load(path)
    except own_models.OwnModelsInvalid as error:
        exit_with_error(str(error), EXIT_INVALID_INPUT)


def find_weights(name: str, data_dir: Path) -> Weights:
    """The catalog's entry, or exit with the names that exist."""
    from pipeline.contract.catalog import all_weights

    load_own_models(data_dir)
    catalog = {weights.name: weights for _, weights in all_weights()}
    if name not in catalog:
        exit_with_error(f"there is no model {name}; available: {', '.join(catalog)}", EXIT_INVALID_INPUT)
    return catalog[name]


ModelName = Annotated[str, typer.Argument(help="Name of the model, see `aura models list`.")]


@models_app.command("list")
def list_models(
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Print all fields as JSON.")] = False,
) -> None:
    """List the models with their stage, their licence, and whether their files are available."""
    from cli.models import print_models

    load_own_models(data_dir)
    print_models(models_dir(data_dir), plain_console(soft_wrap=True), as_json=as_json)


@models_app.command("pull")
def pull_model(name: ModelName, data_dir: DataDirOption = DEFAULT_DATA_DIR, as_json: JsonOption = False) -> None:
    """Download a model, and for a generator FILM and Real-ESRGAN too, from pinned sources; check all hashes.

    An interrupted download resumes.
    """
    from cli.models import PullProgress
    from cli.pull import PullFailed, pull
    from cli.system.data_dir import DataDir, operator_settings

    weights = find_weights(name, data_dir)
    try:
        if "MODELS_DIR" not in operator_settings():
            DataDir(data_dir).create()
        with PullProgress(plain_console(soft_wrap=True, quiet=as_json)) as progress:
            for needed in (weights, *companions(weights)):
                pull(needed, models_dir(data_dir), progress)
    except (PullFailed, OSError) as error:
        exit_with_error(str(error))
    except KeyboardInterrupt:
        exit_with_error("interrupted; the same command continues")
    print_path(name, model_path(weights, models_dir(data_dir)), f"{name}: ", as_json=as_json)


@models_app.command("verify")
def verify_model(name: ModelName, data_dir: DataDirOption = DEFAULT_DATA_DIR, as_json: JsonOption = False) -> None:
    """Read all files of a model and compare their hashes with the catalog and with those of the download."""
    from cli.pull import verify

    problems, files = 0, {}
    for path, problem in verify(find_weights(name, data_dir), models_dir(data_dir)):
        files[str(path)] = problem or "ok"
        problems += bool(problem)
        if not as_json:
            echo(f"{path}: {problem or 'ok'}")
    if as_json:
        print_json({"name": name, "problems": problems, "files": files})
    if problems:
        exit_with_error(f"{name}: {problems} of its files cannot be used; delete them and pull {name} again")


@models_app.command("path")
def path_of_model(name: ModelName, data_dir: DataDirOption = DEFAULT_DATA_DIR, as_json: JsonOption = False) -> None:
    """Print the folder of a model; status 1 if its files are not complete."""
    from pipeline.models.weights import is_available, missing_files

    weights = find_weights(name, data_dir)
    if not is_available(weights, models_dir(data_dir)):
        exit_with_error(missing_files(weights, models_dir(data_dir)))
    print_path(name, model_path(weights, models_dir(data_dir)), as_json=as_json)


def print_path(name: str, path: Path, prefix: str = "", *, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "path": str(path)})
    else:
        echo(f"{prefix}{path}")


def companions(weights: Weights) -> list[Weights]:
    """The interpolator and the upscalers that a generator's videos usually need."""
    from pipeline.contract.catalog import INTERPOLATORS, UPSCALERS

    if not isinstance(weights, Model):
        return []
    return [INTERPOLATORS[weights.interpolators[0]], *(UPSCALERS[name] for name in weights.upscalers.values())]


def model_path(weights: Weights, models_dir: Path) -> Path:
    """The folder of the files; for a model of shared parts, that of its first part."""
    from pipeline.models.weights import find_folder, find_parts

    if (folder := find_folder(weights, models_dir)) is not None:
        return folder
    parts = find_parts(weights, models_dir) if isinstance(weights, Model) else None
    return next(iter(parts.values())) if parts else models_dir / weights.folders[0]


@models_app.command("memory")
def memory_of_models(
    name: Annotated[str | None, typer.Argument(help="Name of a model; all that can be measured without one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Follow the full-size networks without computing: their peaks in GiB and their work, by length."""
    from cli.models import print_memory

    print_memory(name, plain_console(soft_wrap=True), as_json=as_json)


@models_app.command("styles")
def list_styles(as_json: JsonOption = False) -> None:
    """List the styles that `--style` accepts."""
    from pipeline.contract.styles import STYLES

    if as_json:
        print_json([{"name": one.name, "title": one.title, "tiny": bool(one.vocabulary)} for one in STYLES.values()])
        return
    for style in STYLES.values():
        kind = "tiny model" if style.vocabulary else "other models"
        echo(f"{style.name} ({kind}): {style.title}, e.g. {style.example}")


@models_app.command("words")
def list_words(as_json: JsonOption = False) -> None:
    """List the words that the tiny model was trained on."""
    from pipeline.contract.vocabulary import WORDS

    if as_json:
        print_json({group: sorted(words) for group, words in WORDS.items()})
        return
    for group, words in WORDS.items():
        echo(f"{group}: {', '.join(words)}")
