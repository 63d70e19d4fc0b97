import pytest

from pipeline.contract import vocabulary


def test_all_words_of_the_standard_prompt_are_known() -> None:
    prompt = "a red circle moving right on a blue background"
    assert vocabulary.unknown_words(prompt) == []


@pytest.mark.parametrize("prompt", ["", "a video of the", "A RED Star, spinning!", "the azure box goes to the left"])
def test_synonyms_and_punctuation_are_known(prompt: str) -> None:
    assert vocabulary.unknown_words(prompt) == []


def test_unknown_words_are_returned_once_and_in_order() -> None:
    assert vocabulary.unknown_words("a dragon and a red dragon over Paris") == ["dragon", "paris"]


@pytest.mark.parametrize("prompt", ["красный круг", "赤い丸", "ein großer Kreis", "café"])
def test_words_of_any_script_are_recognised(prompt: str) -> None:
    assert vocabulary.unknown_words(prompt) == prompt.lower().split()


def test_every_group_has_words() -> None:
    assert set(vocabulary.WORDS) == {"colours", "shapes", "sizes", "motions", "filler"}
    assert all(vocabulary.WORDS.values())
    assert {"red", "circle", "small", "bouncing", "background"} <= set(vocabulary.all_words())
