from pathlib import Path

from transformers import CLIPTextModel, CLIPTokenizer

from pipeline.contract import vocabulary
from pipeline.models.weights import SHIPPED
from pipeline.tiny import layout
from pipeline.tiny.training import tokens, train_text


def test_every_known_word_is_one_token_with_a_stable_id(tmp_path: Path) -> None:
    words = tokens.tokenizer(tmp_path)
    assert all(len(words.tokenize(word)) == 1 for word in vocabulary.all_words())
    assert tokens.build_merges(vocabulary.all_words()) == tokens.build_merges(vocabulary.all_words())
    assert tokens.tokenizer(tmp_path).get_vocab() == words.get_vocab() == tokens.build_merges(vocabulary.all_words())[0]


def test_the_shipped_text_encoder_matches_the_tokenizer() -> None:
    """Two swapped token ids would lower the accuracy."""
    words = CLIPTokenizer.from_pretrained(SHIPPED / layout.BASE / "tokenizer", local_files_only=True)
    encoder = CLIPTextModel.from_pretrained(SHIPPED / layout.BASE / "text_encoder", local_files_only=True)
    assert min(train_text.accuracy(encoder.eval(), words, 2000).values()) >= 0.999
