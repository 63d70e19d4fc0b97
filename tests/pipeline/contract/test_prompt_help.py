import pytest

from pipeline.contract import prompt_help
from pipeline.contract.catalog import MODELS
from pipeline.contract.entries import Model
from pipeline.contract.prompt_help import NEGATIVES, PromptPart
from pipeline.contract.styles import STYLES, styles_for
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
    assert negative == f"rain, {NEGATIVES['']}"
    assert prompt_help.complete(prompt, SD) == prompt


def test_families_trained_on_sentences_get_sentences() -> None:
    prompt, negative = prompt_help.apply("A fox.", "rain", WAN, STYLES["noir"], enhance=True)

    assert prompt.startswith("A fox. The style of the video is black and white film noir")
    assert prompt.endswith(". The video shows gentle natural motion, fine details in sharp focus.")
    assert negative == f"rain, {STYLES['noir'].negative}, {NEGATIVES['wan']}"


def test_a_family_has_words_of_its_own() -> None:
    """Zeroscope's training videos have watermarks."""
    prompt, negative = prompt_help.apply("a fox", "", MODELS["zeroscope"], None, enhance=True)

    assert prompt.endswith("clear picture, high resolution")
    assert negative.startswith("watermark")


def test_a_first_frame_is_drawn_with_the_negative_prompt_of_style_and_help() -> None:
    """SVD itself has none, but the text model that draws its first frame reads it."""
    negative = prompt_help.apply("a fox", "rain", MODELS["svd"], STYLES["noir"], enhance=True)[1]

    assert negative == f"rain, {STYLES['noir'].negative}, {NEGATIVES['']}"


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


def part(text: str, *, added: bool = False) -> PromptPart:
    return PromptPart(text=text, added=added)


@pytest.mark.parametrize(
    ("requested", "used", "expected"),
    [
        ("a fox", "a fox", [part("a fox")]),
        ("", "", []),
        ("", "blurry", [part("blurry", added=True)]),
        (
            "a star",
            "a red star moving",
            [part("a "), part("red ", added=True), part("star"), part(" moving", added=True)],
        ),
        ("a star,", "a star, sharp", [part("a star"), part(", sharp", added=True)]),
        ("a large star", "a large large star", [part("a large "), part("large ", added=True), part("star")]),
        ("a star.", "a star.", [part("a star.")]),
    ],
)
def test_what_was_added_is_marked(requested: str, used: str, expected: list[PromptPart]) -> None:
    assert prompt_help.parts(requested, used) == expected


PROMPTS = (
    "a star",
    "a blue ball on white",
    "A fox...",
    "rain, at night,",
    "hello",
    "a red circle growing in the light",
)


@pytest.mark.parametrize("model", [TINY, SD, WAN], ids=lambda model: model.name)
@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("enhance", [True, False])
def test_the_parts_are_the_text_and_those_not_added_are_the_request(model: Model, prompt: str, enhance: bool) -> None:
    for style in (None, *styles_for(model)):
        used, negative = prompt_help.apply(prompt, prompt, model, style, enhance=enhance)
        for text in (used, negative):
            parts = prompt_help.parts(prompt, text)
            assert "".join(part.text for part in parts) == text
            kept = "".join(part.text for part in parts if not part.added)
            assert kept.strip(" ,.") == prompt.strip(" ,.")


def test_marking_the_longest_prompt_takes_one_pass() -> None:
    prompt = "a " * 999 + "a"
    parts = prompt_help.parts(prompt, f"{prompt}, {prompt}")

    assert [(len(part.text), part.added) for part in parts] == [(1999, False), (2001, True)]
