"""`aura models pull`: download the files of a published model into the models directory."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx

from db.logs import first_line
from pipeline.contract.catalog import Model, Weights
from pipeline.models.weights import find_folder, missing_files

Echo = Callable[[str], None]

REPOSITORY_FILES: Final = (
    "*.json",
    "*.txt",
    "model.safetensors",
    "*/model.safetensors",
    "diffusion_pytorch_model.safetensors",
    "*/diffusion_pytorch_model.safetensors",
)
IGNORED_REPOSITORY_FILES: Final = ("safety_checker/*",)


class PullFailed(Exception):
    """The files could not be downloaded, or have to be downloaded by hand; the message names them and their source."""


def pull(weights: Weights, models_dir: Path, echo: Echo) -> Path:
    """The folder of the files, which are downloaded unless they exist."""
    if folder := find_folder(weights, models_dir):
        return folder
    target = models_dir / weights.folders[0]
    echo(f"{weights.title}: about {weights.size_bytes / 1e9:.2f} GB, licence {weights.licence}")
    if isinstance(weights, Model):
        _download_repository(weights.source, weights.revision, target / "base", echo)
        _download_repository(weights.adapter_source, weights.adapter_revision, target / "motion-adapter", echo)
    elif weights.source.endswith(weights.files[0]):
        _download_file(weights.source, target / weights.files[0], echo)
    else:
        raise PullFailed(f"download {weights.files[0]} from {weights.source} and put it into {target}")
    folder = find_folder(weights, models_dir)
    if folder is None:
        raise PullFailed(missing_files(weights, models_dir))
    return folder


def _download_repository(source: str, revision: str, target: Path, echo: Echo) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    echo(f"downloading {source}")
    try:
        snapshot_download(
            source,
            revision=revision,
            local_dir=target,
            allow_patterns=list(REPOSITORY_FILES),
            ignore_patterns=list(IGNORED_REPOSITORY_FILES),
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise PullFailed(f"cannot download {source}: {first_line(error)}") from error


def _download_file(source: str, target: Path, echo: Echo) -> None:
    """Download to a partial file and rename it, so that `target` is never incomplete."""
    echo(f"downloading {source}")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with httpx.stream("GET", source, follow_redirects=True, timeout=60) as response, partial.open("wb") as file:
            response.raise_for_status()
            for chunk in response.iter_bytes():
                file.write(chunk)
    except httpx.HTTPError as error:
        raise PullFailed(f"cannot download {source}: {first_line(error)}") from error
    else:
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
