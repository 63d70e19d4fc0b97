"""Dependencies of the video routes."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AwareDatetime, BeforeValidator
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth.dependencies import VideosReader, VideosWriter
from api.dependencies import Gateway, Transaction
from api.problems import NotFound
from api.videos.schemas import Tag, Videos, VideoView, VisibilityName, video_view
from db.tables import Video
from db.videos import queries as videos
from db.videos.queries import Filter
from pipeline.contract.spec import MAX_PROMPT_CHARS, Format


def date_text(value: object) -> object:
    """Reject numbers, which pydantic takes for seconds since 1970."""
    if isinstance(value, str) and value.replace(".", "", 1).lstrip("+-").isdigit():
        raise ValueError("must be a date and time with a time zone, as in 2026-11-21T16:30:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(date_text)]


async def get_own_video(session: Transaction, user: VideosReader, video_id: UUID) -> Video:
    """The video named in the path. NotFound both if it does not exist and if another user owns it."""
    video = await videos.get(session, video_id, owner_id=user.id)
    if video is None:
        raise NotFound
    return video


async def get_editable_video(session: Transaction, user: VideosWriter, video_id: UUID) -> Video:
    """As `get_own_video`, for a change."""
    return await get_own_video(session, user, video_id)


async def get_filter(
    q: Annotated[
        str | None,
        Query(max_length=MAX_PROMPT_CHARS, description='words of title, prompt and tags: cat "red car" or dog -night'),
    ] = None,
    favourite: bool | None = None,
    tag: Annotated[Tag | None, Query()] = None,
    format: Format | None = None,
    created_after: Annotated[Moment | None, Query(description="this moment or later")] = None,
    created_before: Annotated[Moment | None, Query(description="earlier than this moment")] = None,
    visibility: VisibilityName | None = None,
    trashed: Annotated[bool, Query(description="list the videos in the trash")] = False,
) -> Filter:
    return Filter(
        words=q,
        favourite=favourite,
        tag=tag,
        format=format,
        created_after=created_after,
        created_before=created_before,
        visibility=visibility,
        trashed=trashed,
    )


OwnVideo = Annotated[Video, Depends(get_own_video)]
EditableVideo = Annotated[Video, Depends(get_editable_video)]
FilterDep = Annotated[Filter, Depends(get_filter)]


async def view(session: AsyncSession, gateway: Gateway, video: Video) -> VideoView:
    return video_view(video, (await videos.objects(session, [video]))[video.id], gateway.storage)


async def views(session: AsyncSession, gateway: Gateway, rows: list[Video]) -> Videos:
    objects = await videos.objects(session, rows)
    return Videos(data=[video_view(video, objects[video.id], gateway.storage) for video in rows])


async def view_again(session: AsyncSession, gateway: Gateway, video: Video) -> VideoView:
    """The video after a change."""
    await session.refresh(video)
    return await view(session, gateway, video)
