"""The models that a request can name."""

from fastapi import APIRouter, Depends

from api.auth.dependencies import get_current_user
from api.models.schemas import ModelList, model_view
from api.problems import documented
from pipeline.contract.catalog import MODELS

router = APIRouter(prefix="/api", tags=["models"])


@router.get("/models", responses=documented(401), dependencies=[Depends(get_current_user)])
async def list_models() -> ModelList:
    """The valid values of `model`, with the defaults of each."""
    return ModelList(data=[model_view(model) for model in MODELS.values()])
