"""Where the parts of a set of weights lie. Imports nothing heavy."""

from pathlib import Path

SHIPPED = Path(__file__).parent / "weights"
BASE = "base"
ADAPTER = "motion-adapter"
FILM = "film.pt"
UPSCALERS: dict[int, str] = {2: "realesr-x2.safetensors", 4: "realesr-x4.safetensors"}
CARD = "card.json"
LIMIT_BYTES = 25_000_000


def total_bytes(folder: Path) -> int:
    """Size of all files of a set."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
