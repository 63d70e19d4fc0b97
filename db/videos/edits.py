"""What an owner changes of videos: title, tags, favourite, visibility."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import PromptInFile, TooManyTags
from db.tables import Video, Visibility
from db.video_tables import MAX_TAGS


async def change(session: AsyncSession, ids: Collection[UUID], *, owner_id: UUID, values: dict[str, Any]) -> None:
    """Set columns of these videos of the user. Making a video public twice keeps the first moment.

    PromptInFile if one of them is then public without its prompt, and its file contains it.
    """
    shows_words = and_(Video.visibility == Visibility.PUBLIC, ~Video.show_prompt, prompt_in_file())
    changed = await session.scalars(
        update(Video)
        .where(Video.id.in_(ids), Video.owner_id == owner_id)
        .values(**values | _published(values), updated_at=func.clock_timestamp())
        .returning(shows_words)
        .execution_options(synchronize_session=False)
    )
    if any(changed):
        raise PromptInFile


def prompt_in_file() -> ColumnElement[bool]:
    """Whether the file of a video contains its prompt. Files of the releases without `embed_prompt` do."""
    return func.coalesce(Video.resolved["embed_prompt"].as_boolean(), True)


async def add_tag(session: AsyncSession, ids: Collection[UUID], *, owner_id: UUID, tag: str) -> None:
    """Add a tag to each of these videos that lacks it. TooManyTags if one of them has no room."""
    lacks = Video.tags.op("@>")([tag]).is_(False)
    changed = await session.scalars(
        update(Video)
        .where(Video.id.in_(ids), Video.owner_id == owner_id, lacks)
        .values(tags=func.array_append(Video.tags, tag), updated_at=func.clock_timestamp())
        .returning(func.cardinality(Video.tags))
        .execution_options(synchronize_session=False)
    )
    if max(changed, default=0) > MAX_TAGS:
        raise TooManyTags


async def remove_tag(session: AsyncSession, ids: Collection[UUID], *, owner_id: UUID, tag: str) -> None:
    await session.execute(
        update(Video)
        .where(Video.id.in_(ids), Video.owner_id == owner_id, Video.tags.op("@>")([tag]))
        .values(tags=func.array_remove(Video.tags, tag), updated_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


def _published(values: dict[str, Any]) -> dict[str, ColumnElement[Any] | None]:
    match values.get("visibility"):
        case None:
            return {}
        case Visibility.PUBLIC:
            return {"published_at": func.coalesce(Video.published_at, func.now())}
    return {"published_at": None}
