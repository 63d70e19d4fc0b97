"""The files of a set of tiny weights, relative to its folder."""

from pathlib import Path
from typing import Final

BASE: Final = "base"
ADAPTER: Final = "motion-adapter"
FILM: Final = "film.pt"
UPSCALERS: Final[dict[int, str]] = {2: "realesr-x2.safetensors", 4: "realesr-x4.safetensors"}
CARD: Final = "card.json"


def total_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
