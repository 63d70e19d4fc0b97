"""`Prefer: wait=N` (RFC 7240): a response that is sent once the job is terminal, or after N seconds."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Response
from starlette.types import Receive, Scope, Send

from api.auth.dependencies import AuthDep, JobsWriterIdentity
from api.auth.revocation import Watch
from api.dependencies import Gateway, GatewayDep
from api.events.feed import Feed, JobEvent
from api.events.hub import HubDep
from api.jobs.schemas import JobAccepted, result_view
from api.problems import TooManyRequests
from db import tables
from db.errors import DATABASE_ERRORS, is_transient
from db.jobs import queries as jobs
from db.tables import TERMINAL, Job, Status

MAX_SECONDS: Final = 60
PREFERENCE: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=[,;]|$)", re.IGNORECASE)


def wait_seconds(prefer: str) -> int:
    """The seconds in the header, at most MAX_SECONDS. 0 without the preference, or if it is malformed."""
    found = PREFERENCE.search(prefer)
    return min(MAX_SECONDS, int(found[1])) if found else 0


@dataclass(frozen=True)
class Wait:
    """A wait for a job that is about to be submitted: the feed is open before the job can change."""

    gateway: Gateway
    feed: Feed
    watch: Watch
    seconds: int


async def get_wait(
    gateway: GatewayDep,
    auth: AuthDep,
    hub: HubDep,
    caller: JobsWriterIdentity,
    prefer: Annotated[
        str, Header(description=f"`wait=N`: respond once the job is terminal, or after N <= {MAX_SECONDS} seconds")
    ] = "",
) -> AsyncIterator[Wait | None]:
    """The wait that the request prefers. None if it prefers none, may not read jobs, or has too many open streams."""
    seconds, scopes = wait_seconds(prefer), caller.access.scopes
    if not seconds or not (scopes is None or tables.Scope.JOBS_READ in scopes):
        yield None
        return
    with contextlib.ExitStack() as stack:
        try:
            feed = stack.enter_context(hub.subscribe(caller.user.id))
        except TooManyRequests:
            # A preference may be ignored; the job is submitted.
            yield None
            return
        yield Wait(gateway, feed, stack.enter_context(auth.revocations.watch(caller.access.session_id)), seconds)


WaitDep = Annotated[Wait | None, Depends(get_wait)]


class WaitingResponse(Response):
    """Waits after the transaction of the request was committed: without a connection, and without a request slot."""

    def __init__(self, wait: Wait, job: Job, accepted: JobAccepted, headers: dict[str, str]) -> None:
        # `Response.__init__` would render a body.
        self.background = None
        self.status_code = 201
        self._wait, self._job, self._accepted = wait, job, accepted
        self._answer_headers = headers | {"Preference-Applied": f"wait={wait.seconds}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["release_slot"]()
        gone = asyncio.create_task(_disconnected(receive))
        try:
            if not await self._until_terminal(gone):
                return
        finally:
            gone.cancel()
        accepted = await finished(self._wait.gateway, self._accepted, self._job)
        body = accepted.model_dump_json()
        await Response(body, 201, self._answer_headers, "application/json")(scope, receive, send)

    async def _until_terminal(self, gone: "asyncio.Task[None]") -> bool:
        """Follow the job. False if the client has disconnected."""
        following = asyncio.create_task(self._follow())
        try:
            await asyncio.wait({following, gone}, timeout=self._wait.seconds, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()
            return not gone.done()
        finally:
            following.cancel()

    async def _follow(self) -> None:
        """Keep the newest row of the job, until it is terminal or the authentication ends."""
        feed, watch = self._wait.feed, self._wait.watch
        feed.job_id = self._job.id
        feed.offer(self._job)
        while self._job.status not in TERMINAL:
            events = await watch.or_revoked(feed.next())
            if events is None:
                return
            for event in events:
                if isinstance(event, JobEvent) and event.job_id == self._job.id:
                    self._job = event.job


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def finished(gateway: Gateway, accepted: JobAccepted, job: Job) -> JobAccepted:
    """The acceptance with the state of the job after the wait, and its error or its result."""
    changed: dict[str, Any] = {"status": job.shown_status, "error": job.error, "warnings": job.warnings}
    if job.status != Status.QUEUED:
        changed["queue_position"] = None
    if job.status == Status.SUCCEEDED:
        # The job exists: without its result the client reads `links.result`.
        try:
            async with gateway.sessions() as session:
                artifacts = await jobs.artifacts(session, job.id, owner_id=job.owner_id)
        except DATABASE_ERRORS as error:
            if not is_transient(error):
                raise
        else:
            changed["result"] = result_view(job, artifacts, gateway.storage)
    return JobAccepted.model_validate(accepted.model_dump() | changed)
