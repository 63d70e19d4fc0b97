"""What a reader is told of its jobs, as JSON: the snapshot, and the data of each kind of event."""

from typing import Any
from uuid import UUID

from api.edge import Gateway
from api.events import Change, Feed
from api.jobs import preview_url, view
from api.results import result
from db import jobs
from db.models import Job
from pipeline.spec import Progress

SNAPSHOT_RECENT = 20
SNAPSHOT_BYTES = 192 * 1024


async def snapshot(parts: Gateway, feed: Feed) -> dict[str, Any]:
    """Every open job and the newest others, newest first; what is too much for one message is left to GET /api/jobs."""
    async with parts.sessions() as session:
        since = await jobs.now(session)
        rows = {job.id: job for job in await jobs.open_jobs(session, [feed.owner_id])}
        recent = await jobs.page(session, owner_id=feed.owner_id, limit=SNAPSHOT_RECENT)
        rows |= {job.id: job for job in recent.data}
        positions = (await jobs.queue_positions(session, [feed.owner_id]))[feed.owner_id]
    newest_first = sorted(rows.values(), key=lambda job: job.id, reverse=True)
    feed.begin(newest_first, positions, since)
    shown = fitting(parts, newest_first, positions)
    return {"jobs": shown, "complete": len(shown) == len(newest_first)}


def fitting(parts: Gateway, rows: list[Job], positions: dict[UUID, int]) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    size = 0
    for job in rows:
        seen = view(job, parts.storage, positions.get(job.id))
        size += len(seen.model_dump_json().encode())
        if size > SNAPSHOT_BYTES:
            break
        shown.append(seen.model_dump(mode="json"))
    return shown


async def story(parts: Gateway, change: Change) -> dict[str, Any]:
    """The `data` of one event."""
    job = change.job
    match change.type:
        case "job.status":
            return view(job, parts.storage, change.queue_position).model_dump(mode="json")
        case "job.preview":
            return {"attempt": job.attempt, "preview_url": preview_url(job, parts.storage)}
        case "job.output":
            async with parts.sessions() as session:
                artifacts = await jobs.artifacts(session, job.id, owner_id=job.owner_id)
            return result(job, artifacts, parts.storage).model_dump(mode="json")
        case "queue.position":
            return {"queue_position": change.queue_position}
    progress = Progress.model_validate(job.progress).model_dump(mode="json")
    return {"attempt": job.attempt, "progress": progress, "eta_seconds": job.eta_seconds}
