"""Publishes changed jobs to the readers of this process: one LISTEN connection, many feeds.

While notifications arrive, only the jobs that they name are read. Whether they arrive is tested with probes: the hub
notifies itself. If a probe does not return, the jobs of all readers are polled once a second.
"""

import asyncio
import contextlib
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.requests import HTTPConnection

from api.events.feed import Feed
from api.problems import TooManyRequests
from db.direct import Direct
from db.jobs import changes
from db.jobs.positions import queue_positions
from db.listen import listen
from db.tables import Job

# Between two polls of all readers' jobs, while notifications do not arrive.
POLL_SECONDS = 1.0
# A notification is missed for two probes at most, so half of what a poll may be late.
PROBE_SECONDS = 0.5
# Interval in which the jobs of each reader are read once, independent of notifications.
SWEEP_SECONDS = 30.0
# Between two reads of the queue positions.
POSITION_SECONDS = 1.0
# Notifications within this time are coalesced into one query.
COALESCE_SECONDS = 0.03
# The newest jobs of each user are polled too, because a job can start and end between two polls.
RECENT_JOBS = 10

log = structlog.get_logger("api.events")


class Hub:
    """Reads changed rows once and publishes them to all feeds of their owner."""

    def __init__(
        self, url: str, sessions: async_sessionmaker[AsyncSession], direct: Direct, feeds_per_user: int
    ) -> None:
        self._url, self._sessions, self._direct = url, sessions, direct
        self._feeds_per_user = feeds_per_user
        self._feeds: defaultdict[UUID, set[Feed]] = defaultdict(set)
        self._changed: set[UUID] = set()
        self._wake = asyncio.Event()
        # Names this hub in its probes.
        self._id = uuid.uuid4()
        self._probe_returned = False
        self._poll_due_at = 0.0
        # The users whose turn in the sweep is still to come.
        self._unswept: list[UUID] = []
        self._queue_moved = True

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
            tasks.create_task(_run_forever(self._watch_notifications))
            tasks.create_task(_run_forever(self._publish_positions))

    async def _receive_notifications(self) -> None:
        async for notification in listen(self._url):
            match notification["type"]:
                case "reconnected":
                    await self._poll(list(self._feeds))
                case "probe":
                    self._probe_returned |= notification["job_id"] == str(self._id)
                case kind:
                    self._queue_moved |= kind != "progress"
                    if UUID(notification["owner_id"]) in self._feeds:
                        self._changed.add(UUID(notification["job_id"]))
                        self._wake.set()

    async def _publish_notified(self) -> None:
        await self._wake.wait()
        await asyncio.sleep(COALESCE_SECONDS)
        self._wake.clear()
        changed, self._changed = self._changed, set()
        try:
            self._publish(await changes.jobs(self._direct, changed))
        except BaseException:  # whatever it is, the changes wait for the next round
            self._changed |= changed
            self._wake.set()
            raise

    async def _watch_notifications(self) -> None:
        """Poll the jobs of all readers if the last probe did not return, otherwise of a few; then probe again."""
        await asyncio.sleep(PROBE_SECONDS)
        if not self._feeds:
            return
        returned, self._probe_returned = self._probe_returned, False
        if returned:
            await self._poll(self._next_to_sweep())
        elif time.monotonic() >= self._poll_due_at:
            self._poll_due_at = time.monotonic() + POLL_SECONDS
            self._queue_moved = True
            await self._poll(list(self._feeds))
        await changes.probe(self._direct, self._id)

    def _next_to_sweep(self) -> list[UUID]:
        self._unswept = self._unswept or list(self._feeds)
        count = 1 + int(len(self._feeds) * PROBE_SECONDS / SWEEP_SECONDS)
        swept, self._unswept = self._unswept[:count], self._unswept[count:]
        return swept

    async def _poll(self, owner_ids: Collection[UUID]) -> None:
        """Publish what notifications may have missed.

        Compares, for these users: the open jobs, the jobs that were open when last read, and the newest jobs.
        """
        subscribed = {owner_id: list(self._feeds[owner_id]) for owner_id in owner_ids if owner_id in self._feeds}
        if not subscribed:
            return
        known_open = {job_id for feeds in subscribed.values() for feed in feeds for job_id in feed.open_ids()}
        seen = await changes.versions(self._direct, subscribed, known_open, newest=RECENT_JOBS)
        missed = [row.id for row in seen if any(feed.lacks(row) for feed in subscribed.get(row.owner_id, ()))]
        if missed:
            self._publish(await changes.jobs(self._direct, missed))

    async def _publish_positions(self) -> None:
        """Publish the queue positions of the readers' jobs after any job has entered or left the queue."""
        await asyncio.sleep(POSITION_SECONDS)
        waiting = [owner_id for owner_id, feeds in self._feeds.items() if any(feed.has_queued() for feed in feeds)]
        if not waiting or not self._queue_moved:
            return
        self._queue_moved = False
        async with self._sessions() as session:
            positions = await queue_positions(session, waiting)
        for owner_id in waiting:
            for feed in self._feeds.get(owner_id, ()):
                feed.offer_positions(positions[owner_id])

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


async def get_hub(connection: HTTPConnection) -> Hub:
    hub: Hub = connection.app.state.hub
    return hub


HubDep = Annotated[Hub, Depends(get_hub)]
