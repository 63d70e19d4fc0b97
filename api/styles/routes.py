"""The styles that a request can name."""

from fastapi import APIRouter, Security

from api.auth.dependencies import get_current_user
from api.problems import documented
from api.styles.schemas import StyleList, style_view
from db.tables import Scope
from pipeline.contract.styles import STYLES

# Any caller that may read jobs.
READER = [Security(get_current_user, scopes=[Scope.JOBS_READ])]

router = APIRouter(prefix="/api", tags=["models"])


@router.get("/styles", responses=documented(401), dependencies=READER)
async def list_styles() -> StyleList:
    """The valid values of `style`, and what each adds to a prompt."""
    return StyleList(data=[style_view(style) for style in STYLES.values()])
