"""The tokenizer: CLIP's byte-pair encoding over our own words, one token per word, unknown words in pieces."""

import json
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import CLIPTokenizer

from pipeline.tiny import vocabulary

LENGTH = 24
_START, _END = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"


def tokenizer(folder: Path) -> CLIPTokenizer:
    """Build the tokenizer and save its files under folder."""
    folder.mkdir(parents=True, exist_ok=True)
    vocab, merges = _learned(vocabulary.all_words())
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in merges) + "\n")
    built = CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=LENGTH)
    built.save_pretrained(folder)
    return built


def _learned(words: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges in which every known word is one token."""
    alphabet = sorted(ByteLevel.alphabet())
    model = Tokenizer(BPE(end_of_word_suffix=_WORD_END))
    trainer = BpeTrainer(
        vocab_size=100_000,
        min_frequency=1,
        initial_alphabet=alphabet,
        end_of_word_suffix=_WORD_END,
        show_progress=False,
    )
    model.train_from_iterator(words, trainer)
    merges = [tuple(pair) for pair in json.loads(model.to_str())["model"]["merges"]]
    # CLIP's order of ids: letters, letters that end a word, merges, the two marks.
    pieces = [*alphabet, *(letter + _WORD_END for letter in alphabet), *("".join(pair) for pair in merges)]
    pieces = [*dict.fromkeys(pieces), _START, _END]
    return {piece: i for i, piece in enumerate(pieces)}, merges
