"""A new job that starts from the kept base clip of a video."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import BaseGone, VideoModerated
from db.jobs import queries as jobs
from db.jobs.queries import Enqueued
from db.jobs.quotas import Quotas
from db.tables import Moderation, Video


async def finish(
    session: AsyncSession,
    video: Video,
    *,
    spec: dict[str, Any],
    plan: dict[str, Any],
    quotas: Quotas,
    idempotency_key: str | None = None,
    request_hash: str | None = None,
) -> Enqueued:
    """Queue a job that renders the base clip of this video by another plan, or return the job of the Idempotency-Key.

    It costs no seconds of the quota. BaseGone if the base clip is not kept any more, VideoModerated if the video was
    hidden or rejected.
    """
    if video.moderation_state != Moderation.VISIBLE:
        raise VideoModerated
    if video.base is None or not await jobs.lock_base(session, video.base, expired=video.favourite):
        raise BaseGone
    return await jobs.enqueue(
        session,
        owner_id=video.owner_id,
        spec=spec,
        seconds=0,
        quotas=quotas,
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        base={**video.base, "plan": plan, "video_id": str(video.id)},
        reduced=bool(video.base.get("reduced")),
    )
