"""Bodies and response models of the video routes, and the functions that make them from rows."""

import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    WithJsonSchema,
    model_validator,
)

from api.jobs.schemas import MAX_PAGE_BYTES, RESULT_LINK_SECONDS
from api.media import MediaView, media_view
from db.jobs.trash import KEPT_DAYS
from db.storage.base import Storage
from db.tables import Artifact, Moderation, Video, Visibility
from db.video_tables import MAX_TAG_CHARS, MAX_TAGS
from db.videos.queries import Objects, Page
from pipeline.contract.spec import Format, Side, plain_text, visible

MAX_TITLE_CHARS: Final = 200
MAX_BULK_VIDEOS: Final = 100
TRASH_PERIOD: Final = timedelta(days=KEPT_DAYS)


def _normal_text(value: str) -> str:
    return unicodedata.normalize("NFC", plain_text(value))


def _normal_tag(value: str) -> str:
    """A tag as it is stored: in lower case, because tags that differ in case only are one."""
    return unicodedata.normalize("NFC", visible(plain_text(value).removeprefix("#").strip().lower()))


def _without_repetition(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


Title = Annotated[str, Field(max_length=MAX_TITLE_CHARS), AfterValidator(_normal_text)]
Tag = Annotated[str, Field(min_length=1, max_length=MAX_TAG_CHARS), AfterValidator(_normal_tag)]
# Inline schemas instead of references to the classes of `db`, whose docstrings are about the database.
VisibilityName = Annotated[Visibility, WithJsonSchema({"type": "string", "enum": [*Visibility]})]
ModerationName = Annotated[Moderation, WithJsonSchema({"type": "string", "enum": [*Moderation]})]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VideoChange(Body):
    """The fields to change; those that are left out keep their values."""

    title: Title | None = None
    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS), AfterValidator(_without_repetition)] | None = None
    favourite: StrictBool | None = None
    visibility: VisibilityName | None = None
    show_prompt: Annotated[StrictBool | None, Field(description="whether visitors see the prompt")] = None

    def values(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class FinishRequest(Body):
    """What differs from the video. A field that is left out keeps its value."""

    width: Side | None = None
    height: Side | None = None
    fps: Annotated[int, Field(ge=8, le=60)] | None = None
    format: Format | None = None

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class Action(StrEnum):
    TRASH = "trash"
    RESTORE = "restore"
    FAVOURITE = "favourite"
    UNFAVOURITE = "unfavourite"
    ADD_TAG = "add_tag"
    REMOVE_TAG = "remove_tag"
    PUBLISH = "publish"
    UNPUBLISH = "unpublish"


class BulkRequest(Body):
    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_BULK_VIDEOS)]
    action: Action
    tag: Tag | None = Field(None, description="for add_tag and remove_tag")

    @model_validator(mode="after")
    def _tag_fits(self) -> Self:
        if (self.tag is not None) != (self.action in (Action.ADD_TAG, Action.REMOVE_TAG)):
            raise ValueError("`tag` is needed for add_tag and remove_tag, and for no other action")
        return self


class ModerationView(BaseModel):
    """The decision of a moderator. A hidden video is seen by its owner only; a rejected one has no files any more."""

    state: ModerationName
    reason: str | None
    statement: str | None
    decided_at: AwareDatetime | None


class VideoView(BaseModel):
    """A video as its owner sees it."""

    id: UUID
    job_id: UUID | None
    title: str
    prompt: str
    tags: list[str]
    favourite: bool
    visibility: VisibilityName
    show_prompt: bool
    moderation: ModerationView
    format: Format
    created_at: AwareDatetime
    trashed_at: AwareDatetime | None
    purge_at: AwareDatetime | None = Field(description="when a video in the trash is deleted")
    finishable: bool = Field(description="whether `finish` is possible: the base clip is kept")
    finishable_until: AwareDatetime | None = Field(description="null: as long as it is a favourite, or not at all")
    finished_from: UUID | None
    video: MediaView | None = Field(description="null if the video was rejected")
    poster: MediaView | None
    preview: MediaView | None
    resolved: dict[str, Any]


class VideoList(BaseModel):
    data: list[VideoView]
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


class Videos(BaseModel):
    data: list[VideoView]


class TagCount(BaseModel):
    tag: str
    count: int


class TagList(BaseModel):
    data: list[TagCount]


def video_view(video: Video, objects: Objects, storage: Storage) -> VideoView:
    finishable = objects.base is not None and video.moderation_state == Moderation.VISIBLE
    computed = {
        "moderation": ModerationView(
            state=Moderation(video.moderation_state),
            reason=video.moderation_reason,
            statement=video.moderation_statement,
            decided_at=video.moderated_at,
        ),
        "purge_at": video.trashed_at + TRASH_PERIOD if video.trashed_at else None,
        "finishable": finishable,
        "finishable_until": objects.base.expires_at if objects.base and finishable and not video.favourite else None,
    }
    media = {kind: _media(video, objects.files.get(kind), storage) for kind in ("video", "poster", "preview")}
    columns = {name: getattr(video, name) for name in VideoView.model_fields.keys() - computed.keys() - media.keys()}
    return VideoView.model_validate(columns | computed | media)


def video_list(page: Page, objects: Mapping[UUID, Objects], storage: Storage) -> VideoList:
    """As many videos of the page as fit into a response; the first one always does."""
    data: list[VideoView] = []
    size = 0
    for video in page.data:
        view = video_view(video, objects[video.id], storage)
        size += len(view.model_dump_json().encode())
        if data and size > MAX_PAGE_BYTES:
            break
        data.append(view)
    first_id, last_id = (data[0].id, data[-1].id) if data else (None, None)
    has_more = page.has_more or len(data) < len(page.data)
    return VideoList(data=data, first_id=first_id, last_id=last_id, has_more=has_more)


def _media(video: Video, artifact: Artifact | None, storage: Storage) -> MediaView | None:
    if artifact is None:
        return None
    filename = f"auraanim-{video.id}-{artifact.kind}.{artifact.key.rpartition('.')[2]}"
    return media_view(artifact, storage, expires_seconds=RESULT_LINK_SECONDS, filename=filename)
