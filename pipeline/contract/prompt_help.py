"""Prompt help: rules that complete a prompt with what the model expects and the prompt does not mention.

The rules are deterministic: the same prompt gives the same words. A language model could replace `complete`.
"""

import re
from collections import deque
from collections.abc import Mapping
from itertools import groupby
from typing import Final

from pydantic import BaseModel, ConfigDict

from pipeline.contract.entries import Model
from pipeline.contract.styles import Style
from pipeline.contract.vocabulary import COLOURS, WORDS

# What the prompt help adds to the negative prompt, by family: the usual faults of its models. "": of all others.
NEGATIVES: Final[Mapping[str, str]] = {
    "": "low quality, worst quality, blurry, deformed, text, watermark, jpeg artifacts",
    "text-to-video-sd": "watermark, text, low quality, blurry, noisy, deformed",
    **dict.fromkeys(
        ("wan", "ltx", "cogvideox"),
        "worst quality, inconsistent motion, still image, jittery, blurry, distorted, text, watermark",
    ),
}
# The words for quality, by family.
QUALITY: Final[Mapping[str, str]] = {
    "": "highly detailed, sharp focus",
    "text-to-video-sd": "clear picture, high resolution",
    **dict.fromkeys(("wan", "ltx", "cogvideox"), "fine details in sharp focus"),
}
# What a description of a video should mention: the words that show it does, and the words to add if it does not.
# The words to add for quality depend on the family.
ASPECTS: Final[tuple[tuple[frozenset[str], str | None], ...]] = (
    (
        frozenset((
            "moving", "moves", "walking", "walks", "running", "runs", "flying", "flies", "dancing", "swimming",
            "falling", "rising", "turning", "waving", "drifting", "blowing", "spinning", "slowly", "motion", "camera",
            "pan", "zoom", "timelapse",
        )),
        "gentle natural motion",
    ),
    (
        frozenset((
            "light", "lighting", "lit", "sunlight", "sunset", "sunrise", "dawn", "dusk", "night", "neon", "shadow",
            "shadows", "backlit", "golden",
        )),
        "soft natural lighting",
    ),
    (
        frozenset((
            "detailed", "detail", "quality", "sharp", "4k", "8k", "hd", "masterpiece", "realistic", "cinematic",
            "photograph",
        )),
        None,
    ),
)  # fmt: skip
# Families that were trained on full sentences read sentences better than lists of words.
SENTENCES: Final = frozenset({"wan", "ltx", "cogvideox"})
# The small model's background when a prompt names none, by the colour of the object.
CONTRASTS: Final = {"blue": "yellow", "cyan": "black", "black": "white"}
DEFAULT_BACKGROUND: Final = "blue"
DEFAULT_COLOUR: Final = "red"
_PIECE: Final = re.compile(r"\w+|\s+|[^\w\s]")


class PromptPart(BaseModel):
    """A piece of a prompt. `added`: by a style or by the prompt help."""

    model_config = ConfigDict(frozen=True)

    text: str
    added: bool


def apply(prompt: str, negative: str, model: Model, style: Style | None, *, enhance: bool) -> tuple[str, str]:
    """The prompt and the negative prompt that are used, from the requested ones."""
    faults = [negative]
    if style is not None:
        prompt = add_style(prompt, style, model)
        faults.append(style.negative)
    if enhance:
        prompt = complete(prompt, model)
        faults.append("" if model.vocabulary else by_family(NEGATIVES, model))
    return prompt, join(*faults) if any(faults[1:]) else negative


def by_family(texts: Mapping[str, str], model: Model) -> str:
    return texts.get(model.family) or texts[""]


def parts(requested: str, used: str) -> list[PromptPart]:
    """The used text in pieces: what was requested, and what was added to it.

    The rules insert words and drop commas and full stops at the end. So the first match of each requested word is the
    word itself, and one pass is enough.
    """
    kept = deque(_PIECE.findall(requested if requested == used else requested.rstrip(" ,.")))

    def is_added(piece: str) -> bool:
        if kept and piece == kept[0]:
            kept.popleft()
            return False
        return True

    marked = [(is_added(piece), piece) for piece in _PIECE.findall(used)]
    return [
        PromptPart(text="".join(piece for _, piece in group), added=added)
        for added, group in groupby(marked, key=lambda pair: pair[0])
    ]


def add_style(prompt: str, style: Style, model: Model) -> str:
    if not style.vocabulary:
        return extend(prompt, "The style of the video is", style.prompt, model)
    if style.prompt.startswith("on a "):
        return prompt if _mentions_background(prompt) else f"{prompt} {style.prompt}"
    return re.sub(r"^(an? |the )?", lambda article: f"{article[0]}{style.prompt} ", prompt, count=1)


def complete(prompt: str, model: Model) -> str:
    """Add what the prompt does not mention."""
    if model.vocabulary:
        return _complete_shape(prompt)
    words = set(_words(prompt))
    missing = [addition or by_family(QUALITY, model) for known, addition in ASPECTS if not words & known]
    return extend(prompt, "The video shows", ", ".join(missing), model) if missing else prompt


def extend(prompt: str, beginning: str, addition: str, model: Model) -> str:
    """The prompt with an addition: as one more sentence with this beginning where the family reads sentences."""
    if model.family in SENTENCES:
        return f"{prompt.rstrip('. ')}. {beginning} {addition}."
    return join(prompt, addition)


def _complete_shape(prompt: str) -> str:
    """A sentence of the form that the small model was trained on: "a red circle moving right on a blue background"."""
    words = _words(prompt)
    shape = next((word for word in words if word in WORDS["shapes"]), None)
    if shape is None:
        return prompt
    before = set(words[: words.index(shape)])
    colour = next((name for name, synonyms in COLOURS.items() if before & set(synonyms)), None)
    if colour is None:
        colour, prompt = DEFAULT_COLOUR, re.sub(rf"\b{shape}\b", f"{DEFAULT_COLOUR} {shape}", prompt, count=1)
    if not WORDS["motions"].intersection(words):
        prompt = f"{prompt} moving right"
    if not _mentions_background(prompt):
        prompt = f"{prompt} on a {CONTRASTS.get(colour, DEFAULT_BACKGROUND)} background"
    return prompt


def _mentions_background(prompt: str) -> bool:
    """Whether a background is mentioned, or a second colour after "on" or "over"."""
    colours = "|".join(word for synonyms in COLOURS.values() for word in synonyms)
    return re.search(rf"background|backdrop|\b(on|over|against)\b.*\b({colours})\b", prompt.lower()) is not None


def join(*parts: str) -> str:
    """The parts that are not empty, separated by commas, each once."""
    listed = [piece for part in parts if (piece := part.strip().rstrip(","))]
    return ", ".join(dict.fromkeys(listed))


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())
