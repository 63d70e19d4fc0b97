"""Bodies of the share routes."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StrictBool

from api.auth.passwords import MAX_CHARS, normalize
from api.auth.schemas import Body, Password
from api.gallery.schemas import PublicVideo, public_video
from db.shares import Shared
from db.storage.base import Storage
from db.tables import Artifact, Share

DEFAULT_DAYS: Final = 30
MAX_DAYS: Final = 365
# Shorter than the password of an account: it is read out to others, and ten guesses a minute are possible.
MIN_PASSWORD_CHARS: Final = 8


def _share_password(value: str) -> str:
    if not MIN_PASSWORD_CHARS <= len(value := normalize(value)) <= MAX_CHARS:
        raise ValueError(f"must have {MIN_PASSWORD_CHARS} to {MAX_CHARS} characters")
    return value


SharePassword = Annotated[
    str,
    Field(json_schema_extra={"minLength": MIN_PASSWORD_CHARS, "maxLength": MAX_CHARS}),
    AfterValidator(_share_password),
]


class ShareRequest(Body):
    expires_in_days: Annotated[int, Field(ge=1, le=MAX_DAYS, strict=True)] | None = Field(
        DEFAULT_DAYS, description="null: until it is revoked"
    )
    password: SharePassword | None = Field(None, description="visitors must enter it")
    show_prompt: StrictBool = Field(False, description="whether visitors see the prompt")


class ShareView(BaseModel):
    """A link to a video. Its token is stored as a hash, so only the answer that makes it has the address."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    video_id: UUID
    has_password: bool
    show_prompt: bool
    views: int = Field(description="a visitor counts once in ten minutes; up to some seconds old")
    created_at: AwareDatetime
    expires_at: AwareDatetime | None


class NewShare(ShareView):
    token: str = Field(description="shown once")
    url: str


class ShareList(BaseModel):
    data: list[ShareView]


class SharePasswordEntry(Body):
    password: Password


class SharedVideo(PublicVideo):
    has_password: bool


def share_view(share: Share) -> ShareView:
    columns = {name: getattr(share, name) for name in ShareView.model_fields.keys() - {"has_password"}}
    return ShareView.model_validate({**columns, "has_password": share.password_hash is not None})


def new_share(share: Share, token: str, public_url: str) -> NewShare:
    url = f"{public_url.rstrip('/')}/s/{token}"
    return NewShare(**share_view(share).model_dump(), token=token, url=url)


def shared_video(shared: Shared, files: list[Artifact], storage: Storage) -> SharedVideo:
    view = public_video(shared.video, files, storage, show_prompt=shared.share.show_prompt, page=None)
    return SharedVideo(**view.model_dump(), has_password=shared.share.password_hash is not None)
