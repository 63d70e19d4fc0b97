"""One job's events as server-sent events, for clients without a WebSocket."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from api.edge import Caller, Gateway, Parts
from api.events import Change, Feed
from api.jobs import owned
from api.problems import documented
from api.stories import story
from db.models import TERMINAL, Job

SILENCE_SECONDS = 15.0

router = APIRouter(prefix="/api", tags=["events"])


async def job_feed(parts: Parts, access: Caller, job_id: UUID) -> AsyncIterator[Feed]:
    with parts.hub.feed(access.user_id, only=job_id) as feed:
        yield feed


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse, responses=documented(401, 404, 429))
async def events(
    parts: Parts, access: Caller, feed: Annotated[Feed, Depends(job_feed)], job: Annotated[Job, Depends(owned)]
) -> StreamingResponse:
    """`job.status` at once, then what happens, as `text/event-stream`, until the job has ended or the token expires."""
    feed.offer(job)
    return StreamingResponse(lines(parts, feed, access.expires_at), media_type="text/event-stream")


async def lines(parts: Gateway, feed: Feed, until: float) -> AsyncIterator[str]:
    ended = False
    while not ended and time.time() < until:
        try:
            changes = await asyncio.wait_for(feed.next(), SILENCE_SECONDS)
        except TimeoutError:
            yield ": still here\n\n"
            continue
        for change in changes:
            yield await line(parts, change)
        ended = any(change.job.status in TERMINAL for change in changes)


async def line(parts: Gateway, change: Change) -> str:
    envelope = {"type": change.type, "job_id": str(change.job.id), "revision": change.job.revision}
    envelope |= {"data": await story(parts, change)}
    return f"id: {change.job.revision}\nevent: {change.type}\ndata: {json.dumps(envelope, ensure_ascii=False)}\n\n"
