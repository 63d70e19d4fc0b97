import subprocess
import sys

import pytest

from pipeline.tiny import vocabulary


def test_the_plain_sentence_is_known_whole() -> None:
    prompt = "a red circle moving right on a blue background"
    assert vocabulary.unknown_words(prompt) == []
    assert vocabulary.knows(prompt) == 1.0


@pytest.mark.parametrize("prompt", ["", "a video of the", "A RED Star, spinning!", "the azure box goes to the left"])
def test_nothing_unknown(prompt: str) -> None:
    assert vocabulary.knows(prompt) == 1.0
    assert vocabulary.unknown_words(prompt) == []


def test_unknown_words_come_once_and_in_order() -> None:
    assert vocabulary.unknown_words("a dragon and a red dragon over Paris") == ["dragon", "paris"]


@pytest.mark.parametrize("prompt", ["a woman walking on the beach at sunset", "cyberpunk city, neon, 4k"])
def test_another_subject_is_mostly_unknown(prompt: str) -> None:
    assert vocabulary.knows(prompt) < 0.5


def test_every_group_has_words() -> None:
    assert set(vocabulary.WORDS) == {"colours", "shapes", "sizes", "motions", "filler"}
    assert all(vocabulary.WORDS.values())
    assert {"red", "circle", "small", "bouncing", "background"} <= set(vocabulary.all_words())


def test_the_package_and_its_words_need_no_torch() -> None:
    program = (
        "import sys, pipeline.tiny, pipeline.tiny.vocabulary as v; v.knows('red'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
