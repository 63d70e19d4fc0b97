"""How the files of a repository on the hub become downloads."""

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.contract.entries import Conversion, Download

# The files of the parts of a pipeline that are not weights.
CLIP_TOKENIZER: Final = (
    "tokenizer/merges.txt", "tokenizer/special_tokens_map.json", "tokenizer/tokenizer_config.json",
    "tokenizer/vocab.json",
)  # fmt: skip
T5_TOKENIZER: Final = ("tokenizer/special_tokens_map.json", "tokenizer/spiece.model", "tokenizer/tokenizer_config.json")
INDEX: Final = ("model_index.json", "scheduler/scheduler_config.json")


def downloads(
    repository: str,
    revision: str,
    plain: Sequence[str],
    weights: Sequence[str] = (),
    *,
    under: str = "",
    convert: Conversion = "",
    hashes: Mapping[str, str] | None = None,
) -> tuple[Download, ...]:
    """`plain` files as they are, and `weights`, which may be sharded or are converted. All lie below `under`."""
    known = hashes or {}
    prefix = f"{under}/" if under else ""

    def download(file: str, conversion: Conversion, sharded: bool) -> Download:
        return Download(
            f"{prefix}{file}", "", repository, revision, file, known.get(file, ""), conversion, sharded
        )  # fmt: skip

    return (
        *(download(file, "", False) for file in plain),
        *(download(file, convert, not convert) for file in weights),
    )


def configs(*parts: str) -> tuple[str, ...]:
    return tuple(f"{part}/config.json" for part in parts)
