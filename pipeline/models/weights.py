"""The files of a model on disk: their folder, their revision, and which of them are missing.

All files lie in `<models_dir>/<folder>/`, independent of their source. The small models ship with the project. Files in
`<models_dir>/tiny` take precedence over the shipped ones; random weights (`tiny-random`) are used if neither exists.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pipeline.contract.catalog import INTERPOLATORS, LORAS, InterpolatorModel, Model, Weights

SHIPPED: Final = Path(__file__).parents[1] / "tiny" / "weights"
# Parts without which a model still works for some requests.
OPTIONAL_PARTS: Final = frozenset({"text-to-image"})


def find_folder(weights: Weights, models_dir: Path) -> Path | None:
    """The first folder that holds all the files, or None."""
    candidates = (SHIPPED if folder == "shipped" else models_dir / folder for folder in weights.folders)
    return next((path for path in candidates if all((path / file).exists() for file in weights.files)), None)


def find_parts(model: Model, models_dir: Path) -> Mapping[str, Path] | None:
    """The folder of each part by its role, or None if a part is missing.

    The model's own folder precedes shared parts. It is the part `base`, or holds a folder per role.
    """
    found: dict[str, Path] = {}
    folder = find_folder(model, models_dir)
    if folder is not None and (folder / "base").is_dir():
        found = {path.name: path for path in folder.iterdir() if path.is_dir()}
    elif folder is not None:
        found = {"base": folder}
    for role, weights in model.parts.items():
        shared = found.get(role) or find_folder(weights, models_dir)
        if shared is not None:
            found[role] = shared
        elif role not in OPTIONAL_PARTS:
            return None
    return found or None


def is_available(weights: Weights, models_dir: Path) -> bool:
    if isinstance(weights, Model):
        return find_parts(weights, models_dir) is not None
    return find_folder(weights, models_dir) is not None


def find_file(weights: Weights, models_dir: Path) -> Path:
    """The first of the files. Raises FileNotFoundError with instructions if any file is missing."""
    folder = find_folder(weights, models_dir)
    if folder is None:
        raise FileNotFoundError(missing_files(weights, models_dir))
    return folder / weights.files[0]


def find_lora(name: str, models_dir: Path) -> Path:
    """The file of a LoRA. Raises FileNotFoundError like `find_file`."""
    return find_file(LORAS[name], models_dir)


def missing_files(weights: Weights, models_dir: Path) -> str:
    """An error message that names the folder, the files, their source and the command that downloads them."""
    files, folder = " and ".join(weights.files), models_dir / weights.folders[0]
    command = f"`aura models pull {weights.name}`"
    return f"the files of {weights.name} are missing: run {command}; {folder} must hold {files} ({weights.source})"


def read_card(weights: Weights, models_dir: Path) -> dict[str, Any]:
    """The contents of `card.json`; empty if there is none."""
    folder = find_folder(weights, models_dir)
    if folder is None or not (folder / "card.json").exists():
        return {}
    return dict(json.loads((folder / "card.json").read_text(encoding="utf-8")))


def is_trained(weights: Weights, models_dir: Path) -> bool:
    return bool(read_card(weights, models_dir).get("trained", True))


def exact_revision(weights: Weights, models_dir: Path) -> str:
    """The revision in the card, else a hash of the card. Without a card, the revisions in the catalog."""
    card = read_card(weights, models_dir)
    if card:
        return str(card.get("revision") or hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()[:12])
    parts = weights.parts.values() if isinstance(weights, Model) and find_folder(weights, models_dir) is None else ()
    return "+".join(part.revision[:12] for part in parts) or weights.revision


def choose_interpolator(model: Model, models_dir: Path) -> InterpolatorModel:
    """The first of the model's interpolators whose files exist; the first one if none does."""
    entries = [INTERPOLATORS[name] for name in model.interpolators]
    return next((entry for entry in entries if find_folder(entry, models_dir)), entries[0])
