"""Response models of the model routes."""

from typing import Literal

from pydantic import BaseModel, Field

from pipeline.contract.catalog import LORAS, Model, family_of
from pipeline.contract.styles import styles_for
from pipeline.contract.vocabulary import PHRASES, WORDS


class ModelView(BaseModel):
    """`words` is the complete vocabulary of the model by group, or null if it accepts any text. `phrases` are the parts
    to put a prompt together from, each once and in a useful order.

    `steps` are the only numbers of steps that are accepted, or null if any number is. `image` is whether a request may
    or must have a first frame; with `draws_first_frame`, a model that must have one draws it from the prompt where the
    server has the files for that. `negative_prompt` is whether the model uses one.
    """

    name: str
    title: str
    default: bool = Field(description="used by requests that name no model")
    licence: str
    knows: str
    words: dict[str, list[str]] | None
    phrases: dict[str, list[str]] | None
    schedulers: list[str]
    num_inference_steps: int
    steps: list[int] | None
    guidance_scale: float
    family: str
    commercial_use: bool
    max_seconds: float | None
    image: Literal["optional", "required"] | None
    draws_first_frame: bool
    negative_prompt: bool
    prompt_travel: bool
    loop: bool
    styles: list[str]
    loras: list[str]


class ModelList(BaseModel):
    data: list[ModelView]


def model_view(model: Model, default: str) -> ModelView:
    family = family_of(model)
    return ModelView(
        name=model.name,
        title=model.title,
        default=model.name == default,
        licence=model.licence,
        knows=model.knows,
        words={group: sorted(words) for group, words in WORDS.items()} if model.vocabulary else None,
        phrases={group: list(phrases) for group, phrases in PHRASES.items()} if model.vocabulary else None,
        schedulers=[scheduler.value for scheduler in model.schedulers],
        num_inference_steps=model.num_inference_steps,
        steps=list(model.steps) or None,
        guidance_scale=model.guidance_scale,
        family=family.name,
        commercial_use=model.commercial,
        max_seconds=model.max_frames / model.native_fps if model.max_frames else None,
        image=family.image or None,
        draws_first_frame="text-to-image" in model.parts,
        negative_prompt=family.negative_prompt,
        prompt_travel=family.prompt_travel,
        loop=family.loop,
        styles=[style.name for style in styles_for(model)],
        loras=[lora.name for lora in LORAS.values() if family.loras and set(lora.fits) & set(model.accepts)],
    )
