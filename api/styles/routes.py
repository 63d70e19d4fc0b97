"""The styles that a request can name."""

from fastapi import APIRouter, Depends

from api.auth.dependencies import get_current_user
from api.problems import documented
from api.styles.schemas import StyleList, style_view
from pipeline.contract.styles import STYLES

router = APIRouter(prefix="/api", tags=["models"])


@router.get("/styles", responses=documented(401), dependencies=[Depends(get_current_user)])
async def list_styles() -> StyleList:
    """The valid values of `style`, and what each adds to a prompt."""
    return StyleList(data=[style_view(style) for style in STYLES.values()])
