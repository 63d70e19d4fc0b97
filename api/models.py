"""Which models there are and what they know: the registry is plain data, and imports nothing heavy."""

from fastapi import APIRouter
from pydantic import BaseModel

from api.edge import Me
from api.problems import documented
from pipeline.models.registry import MODELS, Model
from pipeline.tiny.vocabulary import WORDS

router = APIRouter(prefix="/api", tags=["models"])


class ModelView(BaseModel):
    """`words` lists all that a model knows, by group; null for one that reads any sentence."""

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


def view(model: Model) -> ModelView:
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


@router.get("/models", responses=documented(401))
async def list_models(user: Me) -> ModelList:
    """What a request may name as `model`, with the defaults of each."""
    return ModelList(data=[view(model) for model in MODELS.values()])
