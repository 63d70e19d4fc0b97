"""Share links: made and revoked by the owner of a video, opened by everyone who has the link."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import PromptInFile, TooManyShares, VideoModerated
from db.gallery import visible_to_visitors
from db.ids import uuid7
from db.tables import Moderation, Share, User, Video
from db.videos.edits import prompt_in_file

# Bounds the list of a video's links, which has no pages.
MAX_PER_VIDEO: Final = 100
# How long an expired link stays in the owner's list.
KEPT_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Shared:
    share: Share
    video: Video


async def create(
    session: AsyncSession,
    *,
    video_id: UUID,
    owner_id: UUID,
    token_hash: str,
    password_hash: str | None,
    show_prompt: bool,
    days: int | None,
) -> Share | None:
    """A new link to a video, until it is revoked if `days` is None. None unless the owner has such a video.

    Raises VideoModerated, TooManyShares, or PromptInFile if the file contains a prompt that the link does not show.
    """
    # The lock makes the limit exact.
    found = (
        await session.execute(
            select(Video.moderation_state, prompt_in_file())
            .where(Video.id == video_id, Video.owner_id == owner_id, Video.trashed_at.is_(None))
            .with_for_update(key_share=True)
        )
    ).one_or_none()
    if found is None:
        return None
    state, has_prompt = found
    if state != Moderation.VISIBLE:
        raise VideoModerated
    if has_prompt and not show_prompt:
        raise PromptInFile
    if (await session.scalars(select(func.count()).where(Share.video_id == video_id))).one() >= MAX_PER_VIDEO:
        raise TooManyShares
    share = Share(
        id=uuid7(),
        video_id=video_id,
        token_hash=token_hash,
        password_hash=password_hash,
        show_prompt=show_prompt,
        expires_at=None if days is None else func.now() + timedelta(days=days),
    )
    session.add(share)
    await session.flush()
    await session.refresh(share)
    return share


async def of_video(session: AsyncSession, video_id: UUID, *, owner_id: UUID) -> list[Share] | None:
    """The links of a video, the newest first. None unless the owner has such a video."""
    owned = select(Video.id).where(Video.id == video_id, Video.owner_id == owner_id)
    if await session.scalar(owned) is None:
        return None
    return list(await session.scalars(select(Share).where(Share.video_id == video_id).order_by(Share.id.desc())))


async def revoke(session: AsyncSession, share_id: UUID, *, owner_id: UUID) -> UUID | None:
    """Delete a link; the id of its video. None if it was revoked already, or is a link of another user."""
    statement = (
        delete(Share)
        .where(Share.id == share_id, Share.video_id == Video.id, Video.owner_id == owner_id)
        .returning(Share.video_id)
    )
    return await session.scalar(statement)


async def find(session: AsyncSession, token_hash: str) -> Shared | None:
    """The video of a link. None if the link is unknown, was revoked or has expired, or if its video may not be seen.

    One statement for all of these, so that the answer takes the same time.
    """
    row = (await session.execute(_OPEN, {"token_hash": token_hash})).one_or_none()
    return row and Shared(*row)


async def add_views(session: AsyncSession, views: Mapping[UUID, int]) -> None:
    """Add to the numbers of views. The rows are locked in the order of their ids, until the commit."""
    values = {"ids": list(views), "views": list(views.values())}
    await session.execute(text(_ADD_VIEWS), values)


async def purge(session: AsyncSession, *, limit: int) -> int:
    """Delete links that expired some days ago, at most `limit`; how many were deleted."""
    old = (
        select(Share.id)
        .where(Share.expires_at < func.now() - timedelta(days=KEPT_DAYS))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    return len(list(await session.scalars(delete(Share).where(Share.id.in_(select(old.c.id))).returning(Share.id))))


_OPEN: Final = (
    select(Share, Video)
    .join(Video, Video.id == Share.video_id)
    .join(User, User.id == Video.owner_id)
    .where(
        Share.token_hash == bindparam("token_hash"),
        or_(Share.expires_at.is_(None), Share.expires_at > func.now()),
        visible_to_visitors(),
    )
)
_ADD_VIEWS: Final = """
    WITH added AS (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:views AS bigint[])) AS added(id, views)
    ), locked AS (
        SELECT id FROM shares WHERE id IN (SELECT id FROM added) ORDER BY id FOR UPDATE
    )
    UPDATE shares SET views = shares.views + added.views
    FROM added JOIN locked USING (id) WHERE shares.id = added.id
"""
