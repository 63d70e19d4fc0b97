"""Publishes changed jobs to the readers of this process: one LISTEN connection, one poll per second, many feeds."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.requests import HTTPConnection

from api.events.feed import Feed
from api.problems import TooManyRequests
from db.jobs import queries as jobs
from db.listen import listen
from db.tables import Job, Status

POLL_SECONDS = 1.0
# Notifications within this time are coalesced into one query.
COALESCE_SECONDS = 0.03
# The newest jobs of each user are polled too, because a job can start and end between two polls.
RECENT_JOBS = 10

log = structlog.get_logger("api.events")


class Hub:
    """Reads changed rows once and publishes them to all feeds of their owner."""

    def __init__(self, url: str, sessions: async_sessionmaker[AsyncSession], feeds_per_user: int) -> None:
        self._url = url
        self._sessions = sessions
        self._feeds_per_user = feeds_per_user
        self._feeds: defaultdict[UUID, set[Feed]] = defaultdict(set)
        self._changed: set[UUID] = set()
        self._wake = asyncio.Event()

    @contextlib.contextmanager
    def subscribe(self, owner_id: UUID, job_id: UUID | None = None) -> Iterator[Feed]:
        """A feed of the user's jobs, or of one of them, which receives changes until the block ends."""
        feeds, feed = self._feeds[owner_id], Feed(owner_id, job_id)
        if len(feeds) >= self._feeds_per_user:
            raise TooManyRequests("too many open connections of this account", retry_after=10)
        feeds.add(feed)
        try:
            yield feed
        finally:
            feeds.discard(feed)
            if not feeds:
                self._feeds.pop(owner_id, None)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_run_forever(self._receive_notifications))
            tasks.create_task(_run_forever(self._publish_notified))
            tasks.create_task(_run_forever(self._poll_after_pause))

    async def _receive_notifications(self) -> None:
        async for notification in listen(self._url):
            if notification["type"] == "reconnected":
                await self._poll()
            elif UUID(notification["owner_id"]) in self._feeds:
                self._changed.add(UUID(notification["job_id"]))
                self._wake.set()

    async def _publish_notified(self) -> None:
        await self._wake.wait()
        await asyncio.sleep(COALESCE_SECONDS)
        self._wake.clear()
        changed, self._changed = self._changed, set()
        async with self._sessions() as session:
            rows = await jobs.by_ids(session, changed)
        self._publish(rows)

    async def _poll_after_pause(self) -> None:
        await asyncio.sleep(POLL_SECONDS)
        await self._poll()

    async def _poll(self) -> None:
        """Publish what notifications may have missed.

        Reads, for all connected users: the open jobs, the jobs that were open when last read, the newest jobs, and the
        queue positions.
        """
        subscribed = {owner_id: list(feeds) for owner_id, feeds in self._feeds.items()}
        if not subscribed:
            return
        known_open = {job_id for feeds in subscribed.values() for feed in feeds for job_id in feed.open_ids()}
        async with self._sessions() as session:
            rows = await jobs.open_jobs(session, subscribed)
            queued_owners = {job.owner_id for job in rows if job.status == Status.QUEUED}
            rows += await jobs.newest(session, subscribed, limit=RECENT_JOBS)
            rows += await jobs.by_ids(session, known_open - {job.id for job in rows})
            positions = await jobs.queue_positions(session, queued_owners)
        self._publish(rows)
        for owner_id, feeds in subscribed.items():
            for feed in feeds:
                feed.offer_positions(positions.get(owner_id, {}))

    def _publish(self, rows: Iterable[Job]) -> None:
        for job in rows:
            for feed in self._feeds.get(job.owner_id, ()):
                feed.offer(job)


async def _run_forever(step: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await step()
        except Exception:  # outermost loop of the process: readers stay connected through any database error
            log.warning("event loop step failed, retrying", step=step.__name__, exc_info=True)
            await asyncio.sleep(POLL_SECONDS)


def get_hub(connection: HTTPConnection) -> Hub:
    hub: Hub = connection.app.state.hub
    return hub


HubDep = Annotated[Hub, Depends(get_hub)]
