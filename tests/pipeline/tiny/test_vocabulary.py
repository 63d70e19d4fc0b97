import subprocess
import sys

import pytest

from pipeline.tiny import vocabulary


def test_the_plain_sentence_is_known_whole() -> None:
    prompt = "a red circle moving right on a blue background"
    assert vocabulary.unknown_words(prompt) == []


@pytest.mark.parametrize("prompt", ["", "a video of the", "A RED Star, spinning!", "the azure box goes to the left"])
def test_nothing_unknown(prompt: str) -> None:
    assert vocabulary.unknown_words(prompt) == []


def test_unknown_words_come_once_and_in_order() -> None:
    assert vocabulary.unknown_words("a dragon and a red dragon over Paris") == ["dragon", "paris"]


@pytest.mark.parametrize("prompt", ["красный круг", "赤い丸", "ein großer Kreis", "café"])
def test_words_of_any_script_are_words(prompt: str) -> None:
    assert vocabulary.unknown_words(prompt) == prompt.lower().split()


def test_every_group_has_words() -> None:
    assert set(vocabulary.WORDS) == {"colours", "shapes", "sizes", "motions", "filler"}
    assert all(vocabulary.WORDS.values())
    assert {"red", "circle", "small", "bouncing", "background"} <= set(vocabulary.all_words())


def test_the_package_and_its_words_need_no_torch() -> None:
    program = (
        "import sys; from pipeline.tiny import vocabulary; vocabulary.unknown_words('red'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
