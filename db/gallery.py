"""What visitors see: the videos that their owners have published, in the order of publication."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Select

from db.tables import Artifact, Moderation, User, Video
from db.video_tables import IN_GALLERY

Media = dict[UUID, list[Artifact]]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the gallery. It does not name a row: the video that was there may be gone."""

    published_at: datetime
    video_id: UUID


def visible_to_visitors() -> ColumnElement[bool]:
    """The condition on a video, joined with the user that owns it, that visitors may see it by any way."""
    return and_(Video.moderation_state == Moderation.VISIBLE, Video.trashed_at.is_(None), User.disabled_at.is_(None))


def published() -> Select[Video]:
    """The videos in the gallery. The condition is that of the index, literally."""
    return select(Video).join(User, User.id == Video.owner_id).where(text(IN_GALLERY), User.disabled_at.is_(None))


async def page(session: AsyncSession, *, limit: int, after: Place | None = None) -> list[Video]:
    """The videos behind `after`, the most recently published first; one more than `limit` if there are more."""
    statement = published().order_by(Video.published_at.desc(), Video.id.desc()).limit(limit + 1)
    if after is not None:
        place = tuple_(after.published_at, after.video_id)
        statement = statement.where(tuple_(Video.published_at, Video.id) < place)
    return list(await session.scalars(statement))


async def get(session: AsyncSession, video_id: UUID) -> Video | None:
    return await session.scalar(published().where(Video.id == video_id))


async def media(session: AsyncSession, video_ids: Iterable[UUID]) -> Media:
    """The objects of these videos."""
    found: Media = {}
    for artifact in await session.scalars(select(Artifact).where(Artifact.video_id.in_(list(video_ids)))):
        if artifact.video_id is not None:
            found.setdefault(artifact.video_id, []).append(artifact)
    return found
