"""Decisions about videos, by moderators and by urgent reports. The last one is the state of the video.

Locks are taken in one order: the block list, then rows of `videos`, then those of `artifacts`, `shares` and `reports`.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import reports
from db.errors import AlreadyDecided
from db.ids import uuid7
from db.moderation import block_list
from db.tables import Decision, Moderation, ModerationDecision, User, Video

STATES: Final = {
    Decision.HIDE: Moderation.HIDDEN,
    Decision.REJECT: Moderation.REJECTED,
    Decision.RESTORE: Moderation.VISIBLE,
}
URGENT_STATEMENT: Final = (
    "The video was reported for a serious reason and is hidden until a moderator has looked at it."
)


# Rows as they are in the database, although the session may hold an older copy.
FRESH: Final = {"populate_existing": True}


@dataclass(frozen=True, slots=True)
class Decided:
    """The decided videos with their owners: one, or with its copies if it was rejected.

    `removed` are the keys of objects that no row names any more.
    """

    videos: list[tuple[Video, User]]
    removed: list[str]


async def decide(
    session: AsyncSession, video_id: UUID, *, moderator_id: UUID, action: Decision, reason: str, statement: str
) -> Decided | None:
    """Decide about a video and close its reports. None if there is no such video.

    Raises AlreadyDecided if this changes nothing, because another moderator was faster, or if the video is rejected:
    its objects are gone.
    """
    if action is Decision.REJECT:
        await block_list.lock(session)
    video = await _lock(session, video_id)
    if video is None:
        return None
    closed = await reports.close(session, video_id)
    state = Moderation(video.moderation_state)
    if state is Moderation.REJECTED or (state is STATES[action] and not closed):
        raise AlreadyDecided
    await _record(session, video_id, action, reason, statement, moderator_id=moderator_id)
    if action is Decision.REJECT:
        ids, removed = await block_list.reject(session, video_id, reason=reason, statement=statement)
        return Decided(await _with_owners(session, ids), removed)
    await _set_state(session, video_id, STATES[action], reason, statement)
    return Decided(await _with_owners(session, [video_id]), [])


async def hide_reported(session: AsyncSession, video_id: UUID, *, reason: str) -> Decided | None:
    """Hide a video that was reported for an urgent reason. None if it is not visible.

    None, too, if a moderator has restored it before: repeated reports cannot hide what was found to be harmless.
    """
    video = await _lock(session, video_id)
    restored = exists().where(
        ModerationDecision.video_id == video_id,
        ModerationDecision.action == Decision.RESTORE,
        ModerationDecision.automatic.is_(False),
    )
    if video is None or video.moderation_state != Moderation.VISIBLE or await session.scalar(select(restored)):
        return None
    await _record(session, video_id, Decision.HIDE, reason, URGENT_STATEMENT)
    await _set_state(session, video_id, Moderation.HIDDEN, reason, URGENT_STATEMENT)
    return Decided(await _with_owners(session, [video_id]), [])


async def history(session: AsyncSession, video_id: UUID, *, limit: int) -> list[ModerationDecision]:
    """The decisions about a video, the newest first."""
    statement = select(ModerationDecision).where(ModerationDecision.video_id == video_id)
    return list(await session.scalars(statement.order_by(ModerationDecision.id.desc()).limit(limit)))


async def get(session: AsyncSession, video_id: UUID) -> tuple[Video, User] | None:
    """A video with its owner, whatever its state."""
    return next(iter(await _with_owners(session, [video_id])), None)


async def _with_owners(session: AsyncSession, video_ids: list[UUID]) -> list[tuple[Video, User]]:
    statement = select(Video, User).join(User, User.id == Video.owner_id).where(Video.id.in_(video_ids))
    return [(video, owner) for video, owner in await session.execute(statement.execution_options(**FRESH))]


async def _lock(session: AsyncSession, video_id: UUID) -> Video | None:
    """Two decisions about one video are made one after the other."""
    statement = select(Video).where(Video.id == video_id).with_for_update(key_share=True)
    return await session.scalar(statement.execution_options(**FRESH))


async def _record(
    session: AsyncSession,
    video_id: UUID,
    action: Decision,
    reason: str,
    statement: str,
    *,
    moderator_id: UUID | None = None,
) -> None:
    session.add(
        ModerationDecision(
            id=uuid7(),
            video_id=video_id,
            moderator_id=moderator_id,
            automatic=moderator_id is None,
            action=action,
            reason=reason,
            statement=statement,
        )
    )
    await session.flush()


async def _set_state(session: AsyncSession, video_id: UUID, state: Moderation, reason: str, statement: str) -> None:
    await session.execute(
        update(Video)
        .where(Video.id == video_id)
        .values(
            moderation_state=state,
            moderation_reason=reason,
            moderation_statement=statement,
            moderated_at=func.clock_timestamp(),
            updated_at=func.clock_timestamp(),
        )
    )
