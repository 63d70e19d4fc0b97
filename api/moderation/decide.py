"""A decision of a moderator, and what follows from it: the notice to the owner, the audit log, the deleted objects."""

from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from api.moderation.notices import notify_owners
from api.moderation.schemas import DecisionRequest, ModeratedVideo, moderated_video
from api.problems import NotFound
from api.settings import Settings
from db import audit, gallery, reports
from db.audit import Action
from db.errors import StorageError
from db.moderation import decisions
from db.storage.base import Storage
from db.tables import Decision, User

MAX_LISTED: Final = 100
ACTIONS: Final = {
    Decision.HIDE: Action.VIDEO_HIDDEN,
    Decision.REJECT: Action.VIDEO_REJECTED,
    Decision.RESTORE: Action.VIDEO_RESTORED,
}
log = structlog.get_logger("api.moderation")


async def read_video(session: AsyncSession, storage: Storage, video_id: UUID) -> ModeratedVideo:
    found = await decisions.get(session, video_id)
    if found is None:
        raise NotFound
    video, owner = found
    files = (await gallery.media(session, [video_id])).get(video_id, [])
    reported = await reports.of_video(session, video_id, limit=MAX_LISTED)
    decided = await decisions.history(session, video_id, limit=MAX_LISTED)
    return moderated_video(video, owner, files, reported, decided, storage)


async def decide(
    session: AsyncSession, settings: Settings, moderator: User, address: str, video_id: UUID, body: DecisionRequest
) -> list[str]:
    """Decide, and notify the owner. Returns the keys of the objects to delete after the commit."""
    decided = await decisions.decide(
        session,
        video_id,
        moderator_id=moderator.id,
        action=body.action,
        reason=body.reason,
        statement=body.statement,
    )
    if decided is None:
        raise NotFound
    await notify_owners(session, settings, decided)
    for video, _ in decided.videos:
        await audit.record(
            session,
            action=ACTIONS[body.action],
            actor_id=moderator.id,
            target=("video", video.id),
            address=address,
            details={"reason": body.reason} | ({} if video.id == video_id else {"copy_of": str(video_id)}),
        )
    log.info("video moderated", video_id=str(video_id), action=body.action, by=str(moderator.id))
    return decided.removed


async def remove_objects(storage: Storage, keys: list[str]) -> None:
    """Delete objects whose rows are gone. What this cannot delete, the garbage collection deletes within hours."""
    if not keys:
        return
    try:
        await storage.delete(keys)
    except StorageError as error:
        log.warning("objects of a rejected video not deleted, left to the garbage collection", error=error.code)
