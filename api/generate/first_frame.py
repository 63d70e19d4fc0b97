"""The frame of a video with which another video begins: `image_from` of a request."""

from fastapi.exceptions import RequestValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth.dependencies import Identity
from api.auth.problems import ScopeRequired
from api.problems import NotFound
from db.errors import VideoModerated
from db.tables import Scope
from db.videos import queries as videos
from pipeline.contract.spec import VideoFrame


async def require_frame(session: AsyncSession, caller: Identity, frame: VideoFrame) -> None:
    """Check that the caller may begin a video with this frame. It is read when the job runs.

    ScopeRequired for an API key that may not read videos, NotFound if the video does not exist or another user owns it,
    VideoModerated if a moderator has hidden it, and RequestValidationError after its end.
    """
    scopes = caller.access.scopes
    if scopes is not None and Scope.VIDEOS_READ not in scopes:
        raise ScopeRequired(Scope.VIDEOS_READ)
    if await videos.get(session, frame.video_id, owner_id=caller.user.id) is None:
        raise NotFound
    file = await videos.file(session, frame.video_id, owner_id=caller.user.id)
    if file is None:
        raise VideoModerated
    if frame.at >= file.duration:
        message = f"the video has {file.duration:.3f} s"
        raise RequestValidationError([{"loc": ("body", "image_from", "at"), "msg": message, "type": "refused"}])
