"""The body of a message about an event: `{type, timestamp, data}`.

The data is read when the message is sent, so that its signed links are fresh in a late attempt too.
"""

import json
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.jobs.schemas import job_view, result_view
from api.problems import ResultGone
from api.videos.schemas import ModerationView
from db.jobs import queries as jobs
from db.storage.base import Storage
from db.tables import Job, Moderation, Status, WebhookDelivery
from db.videos import queries as videos
from db.webhook_tables import TEST_EVENT


async def message(
    session: AsyncSession, storage: Storage, delivery: WebhookDelivery, *, owner_id: UUID
) -> bytes | None:
    """The body; None if the job or the video does not exist any more."""
    data = await _data(session, storage, delivery, owner_id)
    if data is None:
        return None
    content = {"type": delivery.type, "timestamp": delivery.created_at.isoformat(), "data": data}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


async def _data(
    session: AsyncSession, storage: Storage, delivery: WebhookDelivery, owner_id: UUID
) -> dict[str, Any] | None:
    if delivery.type == TEST_EVENT or delivery.subject_id is None:
        return {"webhook_id": str(delivery.webhook_id)}
    if delivery.type.startswith("job."):
        job = await jobs.get(session, delivery.subject_id, owner_id=owner_id)
        return await _job(session, storage, job) if job else None
    return await _video(session, delivery.subject_id, owner_id)


async def _job(session: AsyncSession, storage: Storage, job: Job) -> dict[str, Any]:
    """The data of `job.status`, with that of `job.output` as `result`; null if there is no video."""
    result = None
    if job.status == Status.SUCCEEDED:
        artifacts = await jobs.artifacts(session, job.id, owner_id=job.owner_id)
        try:
            result = result_view(job, artifacts, storage).model_dump(mode="json")
        except ResultGone:
            result = None
    return {**job_view(job, storage).model_dump(mode="json"), "result": result}


async def _video(session: AsyncSession, video_id: UUID, owner_id: UUID) -> dict[str, Any] | None:
    """The decision alone: a webhook can be made with a key that may not read videos."""
    video = await videos.get(session, video_id, owner_id=owner_id)
    if video is None:
        return None
    decision = ModerationView(
        state=Moderation(video.moderation_state),
        reason=video.moderation_reason,
        statement=video.moderation_statement,
        decided_at=video.moderated_at,
    )
    job_id = video.job_id and str(video.job_id)
    return {"video_id": str(video.id), "job_id": job_id, "moderation": decision.model_dump(mode="json")}
