from pathlib import Path

from transformers import CLIPTextModel, CLIPTokenizer

from pipeline.tiny import layout, tokens, train_text, vocabulary


def test_every_known_word_is_one_token_with_the_same_id_each_time(tmp_path: Path) -> None:
    words = tokens.tokenizer(tmp_path)
    assert all(len(words.tokenize(word)) == 1 for word in vocabulary.all_words())
    assert tokens.learned(vocabulary.all_words()) == tokens.learned(vocabulary.all_words())
    assert tokens.tokenizer(tmp_path).get_vocab() == words.get_vocab() == tokens.learned(vocabulary.all_words())[0]


def test_the_shipped_text_encoder_and_tokenizer_belong_together() -> None:
    """Swapped ids of two words would show here first."""
    words = CLIPTokenizer.from_pretrained(layout.SHIPPED / layout.BASE / "tokenizer", local_files_only=True)
    encoder = CLIPTextModel.from_pretrained(layout.SHIPPED / layout.BASE / "text_encoder", local_files_only=True)
    assert min(train_text.accuracy(encoder.eval(), words, 2000).values()) >= 0.999
