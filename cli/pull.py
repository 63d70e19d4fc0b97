"""`aura models pull`: fetch the files of a published model into the models folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx

from pipeline.models.registry import Model, Weights

Say = Callable[[str], None]

WANTED: Final = (
    "*.json",
    "*.txt",
    "model.safetensors",
    "*/model.safetensors",
    "diffusion_pytorch_model.safetensors",
    "*/diffusion_pytorch_model.safetensors",
)
UNWANTED: Final = ("safety_checker/*",)


class CannotPull(Exception):
    """These files have to be fetched by hand, or could not be fetched; the message says which and from where."""


def pull(weights: Weights, models_dir: Path, say: Say) -> Path:
    """The folder that holds the files, fetched if they are not there yet."""
    if folder := weights.folder(models_dir):
        return folder
    target = models_dir / weights.folders[0]
    say(f"{weights.title}: about {weights.size_bytes / 1e9:.2f} GB, licence {weights.licence}")
    if isinstance(weights, Model):
        _repository(weights.source, weights.revision, target / "base", say)
        _repository(weights.adapter_source, weights.adapter_revision, target / "motion-adapter", say)
    elif weights.source.endswith(weights.files[0]):
        _file(weights.source, target / weights.files[0], say)
    else:
        raise CannotPull(f"fetch {weights.files[0]} from {weights.source} and put it into {target}")
    folder = weights.folder(models_dir)
    if folder is None:
        raise CannotPull(weights.missing(models_dir))
    return folder


def _repository(source: str, revision: str, target: Path, say: Say) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    say(f"fetching {source}")
    try:
        snapshot_download(
            source, revision=revision, local_dir=target, allow_patterns=list(WANTED), ignore_patterns=list(UNWANTED)
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise CannotPull(f"{source} could not be fetched: {str(error).partition(chr(10))[0]}") from error


def _file(source: str, target: Path, say: Say) -> None:
    """Appears only whole; a lost connection leaves nothing that looks like the file."""
    say(f"fetching {source}")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with httpx.stream("GET", source, follow_redirects=True, timeout=60) as answer, partial.open("wb") as file:
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                file.write(chunk)
    except httpx.HTTPError as error:
        partial.unlink(missing_ok=True)
        raise CannotPull(f"{source} could not be fetched: {error}") from error
    partial.replace(target)
