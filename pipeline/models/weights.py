"""The files of a model on disk: their folder, their revision, and which of them are missing.

All files lie in `<models_dir>/<folder>/`, independent of their source. The small models ship with the project. Files in
`<models_dir>/tiny` take precedence over the shipped ones; random weights (`tiny-random`) are used if neither exists.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from pipeline.contract.catalog import INTERPOLATORS, InterpolatorModel, Model, Weights

SHIPPED: Final = Path(__file__).parents[1] / "tiny" / "weights"


def find_folder(weights: Weights, models_dir: Path) -> Path | None:
    """The first folder that holds all the files, or None."""
    candidates = (SHIPPED if folder == "shipped" else models_dir / folder for folder in weights.folders)
    return next((path for path in candidates if all((path / file).exists() for file in weights.files)), None)


def find_file(weights: Weights, models_dir: Path) -> Path:
    """The first of the files. Raises FileNotFoundError with instructions if any file is missing."""
    folder = find_folder(weights, models_dir)
    if folder is None:
        raise FileNotFoundError(missing_files(weights, models_dir))
    return folder / weights.files[0]


def missing_files(weights: Weights, models_dir: Path) -> str:
    """An error message that names the folder, the files and their source."""
    files, folder = " and ".join(weights.files), models_dir / weights.folders[0]
    return f"the files of {weights.name} are missing: {folder} must hold {files} ({weights.source})"


def read_card(weights: Weights, models_dir: Path) -> dict[str, Any]:
    """The contents of `card.json`; empty if there is none."""
    folder = find_folder(weights, models_dir)
    if folder is None or not (folder / "card.json").exists():
        return {}
    return dict(json.loads((folder / "card.json").read_text(encoding="utf-8")))


def is_trained(weights: Weights, models_dir: Path) -> bool:
    return bool(read_card(weights, models_dir).get("trained", True))


def exact_revision(weights: Weights, models_dir: Path) -> str:
    """The revision in the card, else a hash of the card. Without a card, the revision in the catalog."""
    card = read_card(weights, models_dir)
    if not card:
        return weights.revision
    return str(card.get("revision") or hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()[:12])


def choose_interpolator(model: Model, models_dir: Path) -> InterpolatorModel:
    """The first of the model's interpolators whose files exist; the first one if none does."""
    entries = [INTERPOLATORS[name] for name in model.interpolators]
    return next((entry for entry in entries if find_folder(entry, models_dir)), entries[0])
