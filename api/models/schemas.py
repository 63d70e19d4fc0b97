"""Response models of the model routes."""

from pydantic import BaseModel

from pipeline.contract.catalog import Model
from pipeline.contract.vocabulary import WORDS


class ModelView(BaseModel):
    """`words` is the complete vocabulary of the model by group, or null if it accepts any text."""

    name: str
    title: str
    licence: str
    knows: str
    words: dict[str, list[str]] | None
    schedulers: list[str]
    num_inference_steps: int
    guidance_scale: float


class ModelList(BaseModel):
    data: list[ModelView]


def model_view(model: Model) -> ModelView:
    return ModelView(
        name=model.name,
        title=model.title,
        licence=model.licence,
        knows=model.knows,
        words={group: sorted(words) for group, words in WORDS.items()} if model.vocabulary else None,
        schedulers=[scheduler.value for scheduler in model.schedulers],
        num_inference_steps=model.num_inference_steps,
        guidance_scale=model.guidance_scale,
    )
