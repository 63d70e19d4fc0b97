"""Videos as their owners read them: one, a page, their objects, their tags."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, TextClause, and_, func, literal_column, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from db.ids import first_uuid7
from db.keyset import page_of
from db.tables import Artifact, Moderation, Video, Visibility
from db.videos.search import matches

# Rows as they are in the database, although the session may hold an older copy.
_fresh: Final = select(Video).execution_options(populate_existing=True)
# The most used tags that are listed.
MAX_LISTED_TAGS: Final = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """Which videos of a user. None: any."""

    # Words of the title, the prompt or the tags, in the syntax of web search engines.
    words: str | None = None
    tag: str | None = None
    favourite: bool | None = None
    format: str | None = None
    visibility: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    # The videos in the trash instead of the others.
    trashed: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    data: list[Video]
    has_more: bool


@dataclass(slots=True)
class Objects:
    """The stored objects of one video."""

    # By kind: video, poster, preview.
    files: dict[str, Artifact] = field(default_factory=dict)
    # The kept base clip.
    base: Artifact | None = None


async def get(session: AsyncSession, video_id: UUID, *, owner_id: UUID) -> Video | None:
    return await session.scalar(_fresh.where(Video.id == video_id, Video.owner_id == owner_id))


async def file(session: AsyncSession, video_id: UUID, *, owner_id: UUID) -> Artifact | None:
    """The file of a video of the user that no moderator has hidden; None without one."""
    statement = (
        select(Artifact)
        .join(Video, Artifact.video_id == Video.id)
        .where(Video.id == video_id, Video.owner_id == owner_id, Artifact.kind == "video")
        .where(Video.moderation_state == Moderation.VISIBLE)
    )
    return await session.scalar(statement)


async def of(session: AsyncSession, ids: Iterable[UUID], *, owner_id: UUID) -> list[Video]:
    """These videos of the user, newest first, as far as they exist."""
    owned = _fresh.where(Video.id.in_(list(ids)), Video.owner_id == owner_id)
    return list(await session.scalars(owned.order_by(Video.id.desc())))


async def page(
    session: AsyncSession,
    *,
    owner_id: UUID,
    limit: int,
    after: UUID | None = None,
    order: str = "desc",
    only: Filter | None = None,
) -> Page:
    """A page of the user's videos by creation time, newest first unless `order` is 'asc'.

    `after` is the last video of the page before.
    """
    statement = page_of(chosen(owner_id, only or Filter()), Video.id, limit=limit, after=after, order=order)
    found = list(await session.scalars(statement))
    return Page(found[:limit], has_more=len(found) > limit)


def chosen(owner_id: UUID, only: Filter) -> Select[Video]:
    """The videos of a user that a filter chooses. A range of time is a range of ids."""
    conditions: list[ColumnElement[bool] | TextClause] = [Video.owner_id == owner_id]
    conditions.append(Video.trashed_at.is_not(None) if only.trashed else Video.trashed_at.is_(None))
    if only.favourite is not None:
        conditions.append(and_(Video.favourite) if only.favourite else ~Video.favourite)
    if only.format is not None:
        conditions.append(Video.format == only.format)
    if only.visibility is not None:
        # Not a parameter: a plan for any value could not use the partial index.
        conditions.append(Video.visibility == literal_column(f"'{Visibility(only.visibility)}'"))
    if only.created_after is not None:
        conditions.append(Video.id >= first_uuid7(only.created_after))
    if only.created_before is not None:
        conditions.append(Video.id < first_uuid7(only.created_before))
    if only.words is not None or only.tag is not None:
        conditions.append(matches(owner_id, words=only.words, tag=only.tag))
    return _fresh.where(*conditions)


async def objects(session: AsyncSession, videos: Iterable[Video]) -> dict[UUID, Objects]:
    """The objects of each video. A base clip that nothing may start from any more is left out."""
    rows = {video.id: video for video in videos}
    bases = await _bases(session, rows.values())
    found = {video.id: Objects(base=bases.get(video.base["key"]) if video.base else None) for video in rows.values()}
    for artifact in await session.scalars(select(Artifact).where(Artifact.video_id.in_(rows))):
        if artifact.video_id is not None:
            found[artifact.video_id].files[artifact.kind] = artifact
    return found


async def _bases(session: AsyncSession, videos: Iterable[Video]) -> dict[str, Artifact]:
    """The kept base clips of these videos by their keys: those that have not expired, and those of favourites."""
    favourites = {video.base["key"]: video.favourite for video in videos if video.base}
    kept = or_(Artifact.expires_at > func.now(), Artifact.key.in_([key for key in favourites if favourites[key]]))
    found = await session.scalars(select(Artifact).where(Artifact.key.in_(favourites), kept))
    return {artifact.key: artifact for artifact in found}


async def tags(session: AsyncSession, *, owner_id: UUID) -> list[tuple[str, int]]:
    """The tags of the videos that are not in the trash and how many have each, the most used first."""
    rows = await session.execute(text(TAGS), {"owner_id": owner_id, "limit": MAX_LISTED_TAGS})
    return [(row.tag, row.videos) for row in rows]


TAGS: Final = """
    SELECT tag, count(*) AS videos FROM videos CROSS JOIN unnest(tags) AS tag
    WHERE owner_id = :owner_id AND tags <> '{}' AND trashed_at IS NULL
    GROUP BY tag ORDER BY videos DESC, tag LIMIT :limit
"""
