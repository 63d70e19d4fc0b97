"""The tokenizer: CLIP's byte-pair encoding over our own words, one token per word, unknown words in pieces."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

from pipeline.tiny import vocabulary

LENGTH = 24
_START, _END = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"


def tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer kept under folder; built and saved there the first time. A text encoder fits one tokenizer only."""
    if not (folder / "tokenizer.json").exists():
        vocab, merges = learned(vocabulary.all_words())
        CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=LENGTH).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def learned(words: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges in which every known word is one token. Ties go by the alphabet, so ids never change
    (the trainer of the tokenizers library breaks ties by chance)."""
    split = [[*word[:-1], word[-1] + _WORD_END] for word in words]
    merges: list[tuple[str, str]] = []
    while any(len(parts) > 1 for parts in split):
        counts = Counter(pair for parts in split for pair in pairwise(parts))
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        split = [_merged(parts, best) for parts in split]
    alphabet = sorted(ByteLevel.alphabet())
    # CLIP's order of ids: letters, letters that end a word, merges, the two marks.
    pieces = [*alphabet, *(letter + _WORD_END for letter in alphabet), *("".join(pair) for pair in merges)]
    pieces = [*dict.fromkeys(pieces), _START, _END]
    return {piece: i for i, piece in enumerate(pieces)}, merges


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged
