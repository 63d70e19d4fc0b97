"""Styles: named additions to a prompt, as data. The small model has its own, because it was trained on few words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.contract.entries import Model
from pipeline.contract.errors import Refused


@dataclass(frozen=True, slots=True)
class Style:
    """`prompt` is appended to the prompt and `negative` to the negative prompt.

    `vocabulary` is whether the style is for models that were trained on `pipeline.contract.vocabulary` only.
    """

    name: str
    title: str
    example: str
    prompt: str
    negative: str = ""
    vocabulary: bool = False


_STYLES: Final = (
    Style(
        "cinematic", "Cinematic", "a lighthouse in a storm",
        "cinematic film still, shallow depth of field, dramatic lighting, film grain, colour graded",
        "cartoon, drawing, flat lighting, overexposed",
    ),
    Style(
        "photographic", "Photographic", "a fox walking through snow",
        "photograph, natural light, 50 mm lens, sharp focus, high detail", "painting, drawing, render, blurry",
    ),
    Style(
        "anime", "Anime", "a girl running through a field of sunflowers",
        "anime key visual, clean line art, vibrant colours, studio quality", "photo, realistic, 3d render, noise",
    ),
    Style(
        "watercolour", "Watercolour", "boats in a harbour at dawn",
        "watercolour painting, soft washes, visible paper texture, loose brush strokes",
        "photo, 3d render, harsh lines",
    ),
    Style(
        "3d", "3D animation", "a small robot watering a plant",
        "3d animated film, soft global illumination, rounded shapes, subsurface scattering",
        "photo, sketch, flat colours",
    ),
    Style(
        "pixel-art", "Pixel art", "a knight walking past a castle",
        "pixel art, 16-bit game, limited palette, crisp pixels", "photo, blurry, smooth gradients",
    ),
    Style(
        "noir", "Film noir", "a detective under a street lamp",
        "black and white film noir, high contrast, hard shadows, fog", "colour, bright, cheerful",
    ),
    Style("night", "Night", "a yellow star moving up", "on a black background", vocabulary=True),
    Style("paper", "Paper", "a blue square bouncing", "on a white background", vocabulary=True),
    Style("bold", "Bold", "a red circle growing", "large", vocabulary=True),
)  # fmt: skip

STYLES: Final[Mapping[str, Style]] = {style.name: style for style in _STYLES}


def styles_for(model: Model) -> tuple[Style, ...]:
    return tuple(style for style in _STYLES if style.vocabulary == model.vocabulary)


def choose_style(name: str | None, model: Model) -> Style | None:
    """The style with this name. Refused if it does not exist or is not for this model."""
    if name is None:
        return None
    fitting = styles_for(model)
    if (style := STYLES.get(name)) is None or style not in fitting:
        available = ", ".join(style.name for style in fitting)
        raise Refused(f"there is no style {name!r} for {model.name}; available: {available}", "/style")
    return style
