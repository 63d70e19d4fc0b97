"""`aura models`: what can be asked for, what it knows, and whether its files are here."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.models.registry import INTERPOLATORS, MODELS, UPSCALERS, Weights


def every() -> Iterator[tuple[str, Weights]]:
    """All sets of weights with what they are for: generators first."""
    for kind, weights in (("generate", MODELS), ("interpolate", INTERPOLATORS), ("upscale", UPSCALERS)):
        for one in weights.values():
            yield kind, one


def show(models_dir: Path, console: Console) -> None:
    table = Table("model", "for", "here", "licence", "what it is", box=None, pad_edge=False)
    for kind, weights in every():
        here = "yes" if weights.folder(models_dir) else "no"
        knows = getattr(weights, "knows", "")
        table.add_row(
            weights.name, kind, here, weights.licence, f"{weights.title}: {knows}" if knows else weights.title
        )
    console.print(table)
