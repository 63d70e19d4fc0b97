"""The JSON of the snapshot and of each type of event."""

from typing import Any

from api.dependencies import Gateway
from api.events.feed import Event, Feed, PositionEvent
from api.jobs.schemas import job_view, job_views, preview_url, result_view
from db.jobs import positions
from db.jobs import queries as jobs
from pipeline.contract.progress import Progress

SNAPSHOT_RECENT_JOBS = 20
MAX_SNAPSHOT_BYTES = 192 * 1024


async def snapshot(gateway: Gateway, feed: Feed) -> dict[str, Any]:
    """Every open job and the most recent others, newest first.

    `complete` is false if jobs were left out to keep the message small: `GET /api/jobs` has them.
    """
    async with gateway.sessions() as session:
        snapshot_at = await jobs.now(session)
        rows = {job.id: job for job in await jobs.open_jobs(session, [feed.owner_id])}
        recent = await jobs.page(session, owner_id=feed.owner_id, limit=SNAPSHOT_RECENT_JOBS)
        rows |= {job.id: job for job in recent.data}
        places = (await positions.queue_positions(session, [feed.owner_id]))[feed.owner_id]
    newest_first = sorted(rows.values(), key=lambda job: job.id, reverse=True)
    feed.start(newest_first, places, snapshot_at)
    views = job_views(newest_first, gateway.storage, places, max_bytes=MAX_SNAPSHOT_BYTES)
    return {"jobs": [view.model_dump(mode="json") for view in views], "complete": len(views) == len(newest_first)}


async def payload(gateway: Gateway, event: Event) -> dict[str, Any]:
    """The `data` of one event."""
    if isinstance(event, PositionEvent):
        return {"queue_position": event.queue_position}
    job = event.job
    match event.type:
        case "job.status":
            return job_view(job, gateway.storage, event.queue_position).model_dump(mode="json")
        case "job.preview":
            return {"attempt": job.attempt, "preview_url": preview_url(job, gateway.storage)}
        case "job.output":
            async with gateway.sessions() as session:
                artifacts = await jobs.artifacts(session, job.id, owner_id=job.owner_id)
            return result_view(job, artifacts, gateway.storage).model_dump(mode="json")
    progress = Progress.model_validate(job.progress).model_dump(mode="json")
    return {"attempt": job.attempt, "progress": progress, "eta_seconds": job.eta_seconds}
