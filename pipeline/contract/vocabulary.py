"""The words that the small models were trained on, grouped by their meaning."""

import re

COLOURS: dict[str, tuple[str, ...]] = {
    "red": ("red", "scarlet", "crimson"),
    "green": ("green", "emerald"),
    "blue": ("blue", "azure"),
    "yellow": ("yellow", "golden"),
    "purple": ("purple", "violet"),
    "cyan": ("cyan", "turquoise", "aqua"),
    "white": ("white",),
    "black": ("black",),
}

SHAPES: dict[str, tuple[str, ...]] = {
    "circle": ("circle", "ball", "disc", "disk", "dot"),
    "square": ("square", "box", "block"),
    "triangle": ("triangle",),
    "star": ("star",),
}

SIZES: dict[str, tuple[str, ...]] = {
    "small": ("small", "tiny", "little"),
    "medium": ("medium", "average"),
    "large": ("large", "big", "huge"),
}

# Each motion in two forms: participle ("a circle moving left") and verb ("a circle moves left").
_TRAVEL = (
    ("moving", "moves"), ("sliding", "slides"), ("going", "goes"), ("traveling", "travels"), ("drifting", "drifts"),
    ("flying", "flies"), ("gliding", "glides"),
)  # fmt: skip
_TO: dict[str, tuple[str, ...]] = {
    "left": ("left", "to the left", "leftwards", "leftward"),
    "right": ("right", "to the right", "rightwards", "rightward"),
    "up": ("up", "upwards", "upward"),
    "down": ("down", "downwards", "downward"),
}
_OTHER: dict[str, tuple[tuple[str, str], ...]] = {
    "up": (("rising", "rises"), ("climbing", "climbs")),
    "down": (("falling", "falls"), ("sinking", "sinks"), ("dropping", "drops")),
    "bounce": (
        ("bouncing", "bounces"), ("bouncing up and down", "bounces up and down"), ("jumping", "jumps"),
        ("hopping", "hops"),
    ),
    "grow": (
        ("growing", "grows"), ("expanding", "expands"), ("getting bigger", "gets bigger"),
        ("getting larger", "gets larger"),
    ),
    "shrink": (("shrinking", "shrinks"), ("getting smaller", "gets smaller"), ("contracting", "contracts")),
    "orbit": (
        ("orbiting", "orbits"), ("circling", "circles"), ("revolving", "revolves"), ("going around", "goes around"),
        ("moving around", "moves around"),
    ),
    "spin": (("spinning", "spins"), ("rotating", "rotates"), ("turning", "turns"), ("twirling", "twirls")),
    "still": (
        ("standing still", "stands still"), ("staying still", "stays still"), ("resting", "rests"),
        ("not moving", "does not move"), ("motionless", "is motionless"), ("being still", "is still"),
    ),
}  # fmt: skip

MOTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    name: tuple((f"{a} {to}", f"{b} {to}") for a, b in _TRAVEL for to in _TO.get(name, ())) + _OTHER.get(name, ())
    for name in ("left", "right", "up", "down", "bounce", "grow", "shrink", "orbit", "spin", "still")
}

# Sentence templates. {thing} is "red circle" or "small red circle", {doing} and {does} are the two forms of a motion.
FORMS: tuple[str, ...] = (
    "a {thing} {doing} on a {ground} background",
    "a {thing} {doing} on a {ground} background",
    "a {thing} {does} on a {ground} background",
    "the {thing} {does} over a {ground} background",
    "a {thing} is {doing} on a {ground} background",
    "{thing} {doing} on {ground}",
    "{thing} {doing}, {ground} background",
    "a video of a {thing} {doing} against a {ground} backdrop",
    "an animation of a {thing} {doing} in front of a {ground} background",
    "on a {ground} background, a {thing} {does}",
    "a {ground} background with a {thing} {doing}",
    "{ground} background, {thing} {doing}",
    "there is a {thing} {doing} before a {ground} background",
    "a short clip of one {thing} that {does} on a {ground} background",
    "show me a {thing} {doing} on a plain {ground} background",
    "on {ground}: a {thing} that {does}",
)
FORMS_WITHOUT_GROUND: tuple[str, ...] = ("a {thing} {doing}", "a {thing} {does}", "a video of a {thing} {doing}")
FORMS_WITHOUT_MOTION: tuple[str, ...] = ("a {thing} on a {ground} background", "{thing} on {ground}")

FILLERS: tuple[str, ...] = (
    "please", "slowly", "smoothly", "quickly", "gently", "simple", "bright", "nice", "beautiful", "colored", "coloured",
    "shape", "scene", "movie", "picture", "and", "in", "at", "it", "this", "with", "of", "for", "to", "by",
)  # fmt: skip


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def _group(phrases: list[str]) -> frozenset[str]:
    return frozenset(word for phrase in phrases for word in _words(phrase))


_BARE_FORMS = [re.sub(r"{\w+}", " ", form) for form in (*FORMS, *FORMS_WITHOUT_GROUND, *FORMS_WITHOUT_MOTION)]

# The words of each group. A word can be in several groups.
WORDS: dict[str, frozenset[str]] = {
    "colours": _group([w for words in COLOURS.values() for w in words]),
    "shapes": _group([w for words in SHAPES.values() for w in words]),
    "sizes": _group([w for words in SIZES.values() for w in words]),
    "motions": _group([phrase for forms in MOTIONS.values() for pair in forms for phrase in pair]),
    "filler": _group([*_BARE_FORMS, *FILLERS]),
}

# One word or phrase for each thing that the models know, to put prompts together from.
PHRASES: dict[str, tuple[str, ...]] = {
    "colours": tuple(COLOURS),
    "shapes": tuple(SHAPES),
    "sizes": tuple(SIZES),
    "motions": tuple(forms[0][0] for forms in MOTIONS.values()),
}

_KNOWN = frozenset().union(*WORDS.values())


def all_words() -> list[str]:
    """Every known word once, sorted. The tokenizer is built from this list."""
    return sorted(_KNOWN)


def unknown_words(prompt: str) -> list[str]:
    """The words of a prompt that are not in the training data, in order, without duplicates."""
    return list(dict.fromkeys(word for word in _words(prompt) if word not in _KNOWN))
