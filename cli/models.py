"""`aura models list`: the model catalog, and which of the models are downloaded."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.contract.catalog import INTERPOLATORS, MODELS, UPSCALERS, Weights
from pipeline.models.weights import find_folder


def all_weights() -> Iterator[tuple[str, Weights]]:
    """(stage, weights) of every model, generators first."""
    for stage, catalog in (("generate", MODELS), ("interpolate", INTERPOLATORS), ("upscale", UPSCALERS)):
        for weights in catalog.values():
            yield stage, weights


def print_models(models_dir: Path, console: Console) -> None:
    table = Table("model", "stage", "available", "licence", "description", box=None, pad_edge=False)
    for stage, weights in all_weights():
        available = "yes" if find_folder(weights, models_dir) else "no"
        knows = getattr(weights, "knows", "")
        description = f"{weights.title}: {knows}" if knows else weights.title
        table.add_row(weights.name, stage, available, weights.licence, description)
    console.print(table)
