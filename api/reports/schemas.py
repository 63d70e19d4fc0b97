"""Bodies of the route for reports."""

from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from api.auth.schemas import Body, Email, Token
from api.moderation.schemas import ReasonName

MAX_DETAILS_CHARS: Final = 2000


class ReportRequest(Body):
    """A video in the gallery, or the video of a share link."""

    video_id: UUID | None = None
    share_token: Token | None = None
    reason: ReasonName = Field(description="`minors` and `ncii` (non-consensual intimate imagery) hide a video at once")
    details: Annotated[str, Field(max_length=MAX_DETAILS_CHARS)] = ""
    email: Email | None = Field(None, description="for questions; only moderators see it")

    @model_validator(mode="after")
    def _one_video(self) -> Self:
        if (self.video_id is None) == (self.share_token is None):
            raise ValueError("must have either video_id or share_token")
        return self


class ReportReceipt(BaseModel):
    id: UUID
