"""The models that a request can name."""

from fastapi import APIRouter, Security

from api.auth.dependencies import get_current_user
from api.dependencies import GatewayDep
from api.models.schemas import ModelList, model_view
from api.problems import documented
from db.tables import Scope
from pipeline.contract.catalog import MODELS

# Any caller that may read jobs.
READER = [Security(get_current_user, scopes=[Scope.JOBS_READ])]

router = APIRouter(prefix="/api", tags=["models"])


@router.get("/models", responses=documented(401), dependencies=READER)
async def list_models(gateway: GatewayDep) -> ModelList:
    """The valid values of `model`, with the defaults of each."""
    return ModelList(data=[model_view(model, gateway.settings.model_variant) for model in MODELS.values()])
