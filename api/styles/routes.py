"""The styles that a request can name, and what they make of a prompt."""

from fastapi import APIRouter, Security

from api.auth.dependencies import get_current_user
from api.dependencies import GatewayDep
from api.jobs.specs import with_model
from api.problems import documented
from api.styles.schemas import PromptPreview, PromptPreviewRequest, StyleList, prompt_preview, style_view
from db.tables import Scope
from pipeline.contract.styles import STYLES

# Any caller that may read jobs.
READER = [Security(get_current_user, scopes=[Scope.JOBS_READ])]

router = APIRouter(prefix="/api", tags=["models"])


@router.get("/styles", responses=documented(401), dependencies=READER)
async def list_styles() -> StyleList:
    """The valid values of `style`, and what each adds to a prompt."""
    return StyleList(data=[style_view(style) for style in STYLES.values()])


@router.post("/styles/preview", responses=documented(400, 401, 413, 415, 422), dependencies=READER)
async def preview_prompt(gateway: GatewayDep, request: PromptPreviewRequest) -> PromptPreview:
    """What a style and the prompt help make of a prompt, with what they add marked. Nothing is submitted."""
    return prompt_preview(with_model(request.spec(), gateway.settings))
