import pytest

from pipeline.contract import prompt_help
from pipeline.contract.catalog import MODELS
from pipeline.contract.prompt_help import NEGATIVE
from pipeline.contract.styles import STYLES
from pipeline.contract.vocabulary import unknown_words

TINY, SD, WAN = MODELS["tiny"], MODELS["animatediff"], MODELS["wan-1.3b"]


@pytest.mark.parametrize(
    ("prompt", "completed"),
    [
        ("a star", "a red star moving right on a blue background"),
        ("a blue ball", "a blue ball moving right on a yellow background"),
        ("a green square on white", "a green square on white moving right"),
        ("a red circle growing on a black background", "a red circle growing on a black background"),
        ("hello", "hello"),
    ],
)
def test_the_small_model_gets_a_sentence_of_its_training(prompt: str, completed: str) -> None:
    assert prompt_help.apply(prompt, "", TINY, None, enhance=True) == (completed, "")
    assert unknown_words(completed) == unknown_words(prompt)


def test_only_what_is_missing_is_added() -> None:
    prompt, negative = prompt_help.apply("a fox walking at sunset", "rain", SD, None, enhance=True)

    assert prompt == "a fox walking at sunset, highly detailed, sharp focus"
    assert negative == f"rain, {NEGATIVE}"
    assert prompt_help.complete(prompt, SD) == prompt


def test_families_trained_on_sentences_get_a_sentence() -> None:
    assert prompt_help.complete("A fox.", WAN).startswith("A fox. The video shows gentle natural motion")


@pytest.mark.parametrize("style", [style for style in STYLES.values() if not style.vocabulary], ids=lambda s: s.name)
def test_a_style_is_appended(style: object) -> None:
    prompt, negative = prompt_help.apply("a fox", "rain", SD, style, enhance=False)  # type: ignore[arg-type]

    assert prompt == f"a fox, {style.prompt}"  # type: ignore[attr-defined]
    assert negative == f"rain, {style.negative}"  # type: ignore[attr-defined]


def test_the_styles_of_the_small_model_stay_in_its_vocabulary() -> None:
    styled = {
        name: prompt_help.apply("a yellow star moving up", "", TINY, STYLES[name], enhance=False)[0]
        for name in ("night", "bold")
    }

    assert styled == {
        "night": "a yellow star moving up on a black background", "bold": "a large yellow star moving up"
    }  # fmt: skip
    assert not any(unknown_words(prompt) for prompt in styled.values())
    on_blue = "a red star on a blue background"
    assert prompt_help.apply(on_blue, "", TINY, STYLES["night"], enhance=False)[0] == on_blue


def test_without_help_nothing_changes() -> None:
    assert prompt_help.apply("a fox", "rain", SD, None, enhance=False) == ("a fox", "rain")
