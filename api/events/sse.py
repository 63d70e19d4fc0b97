"""The events of one job as server-sent events, for clients without WebSocket."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from api.auth.dependencies import Auth, AuthDep, JobsReaderIdentity
from api.auth.revocation import Watch
from api.auth.tokens import Access
from api.dependencies import Gateway, GatewayDep
from api.events.feed import Event, Feed, JobEvent
from api.events.hub import HubDep
from api.events.payloads import payload
from api.jobs.dependencies import OwnJob
from api.problems import documented
from db.tables import TERMINAL

# Proxies close connections that are idle for longer.
KEEP_ALIVE_SECONDS = 15.0

router = APIRouter(prefix="/api", tags=["events"])


async def job_feed(hub: HubDep, caller: JobsReaderIdentity, job_id: UUID) -> AsyncIterator[Feed]:
    with hub.subscribe(caller.user.id, job_id) as feed:
        yield feed


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse, responses=documented(401, 404, 429))
async def stream_events(
    gateway: GatewayDep,
    auth: AuthDep,
    caller: JobsReaderIdentity,
    feed: Annotated[Feed, Depends(job_feed)],
    job: OwnJob,
) -> StreamingResponse:
    """The current `job.status`, then the events of the job, until it is terminal or the authentication ends."""
    feed.offer(job)
    return StreamingResponse(event_stream(gateway, auth, caller.access, feed), media_type="text/event-stream")


async def event_stream(gateway: Gateway, auth: Auth, access: Access, feed: Feed) -> AsyncIterator[str]:
    with auth.revocations.watch(access.session_id) as watch:
        async for text in live_events(gateway, access, feed, watch):
            yield text


async def live_events(gateway: Gateway, access: Access, feed: Feed, watch: Watch) -> AsyncIterator[str]:
    terminal = False
    while not terminal and time.time() < access.expires_at and not watch.revoked.done():
        try:
            events = await asyncio.wait_for(watch.or_revoked(feed.next()), KEEP_ALIVE_SECONDS) or []
        except TimeoutError:
            yield ": keep-alive\n\n"
            continue
        for event in events:
            yield await encode_event(gateway, event)
        terminal = any(isinstance(event, JobEvent) and event.job.status in TERMINAL for event in events)


async def encode_event(gateway: Gateway, event: Event) -> str:
    envelope = {"type": event.type, "job_id": str(event.job_id), "revision": event.revision}
    envelope |= {"data": await payload(gateway, event)}
    return f"id: {event.revision}\nevent: {event.type}\ndata: {json.dumps(envelope, ensure_ascii=False)}\n\n"
