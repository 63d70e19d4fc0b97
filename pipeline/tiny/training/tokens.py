"""The tokenizer: CLIP's byte-pair encoding with one token per known word. Unknown words become several tokens."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

from pipeline.contract import vocabulary

LENGTH = 24
_START, _END = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"


def tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer saved in `folder`, built at the first call. A text encoder works with its own tokenizer only."""
    if not (folder / "tokenizer.json").exists():
        vocab, merges = build_merges(vocabulary.all_words())
        CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=LENGTH).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def build_merges(words: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges with one token per word.

    Ties are broken alphabetically, so the ids are stable; the trainer of the tokenizers library breaks them randomly.
    """
    split = [[*word[:-1], word[-1] + _WORD_END] for word in words]
    merges: list[tuple[str, str]] = []
    while any(len(parts) > 1 for parts in split):
        counts = Counter(pair for parts in split for pair in pairwise(parts))
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        split = [_merge(parts, best) for parts in split]
    alphabet = sorted(ByteLevel.alphabet())
    # The order of CLIP: letters, letters at the end of a word, merges, start and end mark.
    tokens = [*alphabet, *(letter + _WORD_END for letter in alphabet), *("".join(pair) for pair in merges)]
    tokens = [*dict.fromkeys(tokens), _START, _END]
    return {token: i for i, token in enumerate(tokens)}, merges


def _merge(parts: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged
