"""What visitors see of a video. Its links are valid for five minutes, so that a takedown is effective within them."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from api.media import MediaView, media_view, of_kind
from db.gallery import Media, Place
from db.storage.base import Storage
from db.tables import Artifact, Video
from pipeline.contract.spec import Format

# Bounds the time between a takedown and its effect. An S3 store cannot refuse a link that was signed before.
VISITOR_LINK_SECONDS: Final = 300
MAX_DESCRIPTION_CHARS: Final = 200
UNTITLED: Final = "AuraAnim video"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class OpenGraph(BaseModel):
    """The properties of a page about the video, https://ogp.me, without their prefix `og:`."""

    title: str
    description: str
    type: str = "video.other"
    site_name: str = "AuraAnim"
    url: str | None = Field(description="the page; null for a share, which is not indexed")
    image: str | None
    image_type: str | None
    image_width: int | None
    image_height: int | None
    video: str
    video_type: str
    video_width: int
    video_height: int


class PublicVideo(BaseModel):
    id: UUID
    title: str
    prompt: str | None = Field(description="null unless the owner shows it")
    created_at: AwareDatetime
    format: Format
    video: MediaView
    poster: MediaView | None
    preview: MediaView | None
    open_graph: OpenGraph


class GalleryPage(BaseModel):
    data: list[PublicVideo]
    first_id: str | None
    last_id: str | None = Field(description="a place in the gallery for `after`, not the id of a video")
    has_more: bool


def public_video(
    video: Video, files: list[Artifact], storage: Storage, *, show_prompt: bool, page: str | None
) -> PublicVideo:
    """A video that visitors may see. `page` is the address of its page."""
    views = {file.kind: _media(video, file, storage) for file in files}
    prompt = video.prompt if show_prompt else None
    media = views["video"]
    poster = views.get("poster")
    return PublicVideo.model_validate(
        {
            "id": video.id,
            "title": video.title,
            "prompt": prompt,
            "created_at": video.created_at,
            "format": video.format,
            "video": media,
            "poster": poster,
            "preview": views.get("preview"),
            "open_graph": OpenGraph(
                title=video.title or UNTITLED,
                description=_description(video, prompt),
                url=page,
                image=poster and poster.url,
                image_type=poster and poster.content_type,
                image_width=poster and poster.width,
                image_height=poster and poster.height,
                video=media.url,
                video_type=media.content_type,
                video_width=media.width,
                video_height=media.height,
            ),
        }
    )


def _media(video: Video, file: Artifact, storage: Storage) -> MediaView:
    """The video has a name for its download; images are shown in place."""
    extension = file.key.rpartition(".")[2]
    filename = f"auraanim-{video.id}.{extension}" if file.kind == "video" else None
    return media_view(file, storage, expires_seconds=VISITOR_LINK_SECONDS, filename=filename)


def _description(video: Video, prompt: str | None) -> str:
    if prompt is None:
        return f"{video.duration:g} s, {video.width} × {video.height}"
    return prompt if len(prompt) <= MAX_DESCRIPTION_CHARS else f"{prompt[: MAX_DESCRIPTION_CHARS - 1]}…"


def gallery_page(rows: list[Video], limit: int, media: Media, storage: Storage, public_url: str) -> GalleryPage:
    """`rows` has one more than `limit` if there are more. A video without its file has no entry."""
    shown = rows[:limit]
    data = [
        public_video(
            video, media[video.id], storage, show_prompt=video.show_prompt, page=gallery_url(public_url, video.id)
        )
        for video in shown
        if of_kind(media.get(video.id, []), "video")
    ]
    first_id, last_id = (place_name(shown[0]), place_name(shown[-1])) if shown else (None, None)
    return GalleryPage(data=data, first_id=first_id, last_id=last_id, has_more=len(rows) > limit)


def gallery_url(public_url: str, video_id: UUID) -> str:
    return f"{public_url.rstrip('/')}/gallery/{video_id}"


def place_name(video: Video) -> str:
    """The place of a video as text: microseconds since 1970 in hexadecimal, and the id."""
    microseconds = ((video.published_at or _EPOCH) - _EPOCH) // timedelta(microseconds=1)
    return f"{microseconds:x}.{video.id}"


def named_place(name: str) -> Place:
    """The inverse of `place_name`; ValueError if no place has this name."""
    microseconds, _, video_id = name.partition(".")
    try:
        return Place(_EPOCH + timedelta(microseconds=int(microseconds, 16)), UUID(video_id))
    except OverflowError as error:
        raise ValueError(name) from error
