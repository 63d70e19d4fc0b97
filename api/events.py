"""Who is told what, and when: one LISTEN per process, a look at the table each second, and a `Feed` per reader.

A notification is only a hint that a row changed. The newest row is read and compared with what the reader was told
last, so events that were lost, doubled or out of order all end with the same picture.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.problems import TooManyRequests
from db import jobs
from db.listen import listen
from db.models import TERMINAL, Job, Status

POLL_SECONDS = 1.0
GATHER_SECONDS = 0.03  # notifications within this time share one query
RECENT = 10
PROGRESS_SECONDS = 0.5  # at most two progress events a second and job
MAX_PENDING = 500  # changed jobs that a reader has not taken yet

log = structlog.get_logger("api.events")


class SlowReader(Exception):
    """The reader does not take what it is sent."""


class Change(NamedTuple):
    """`job.status` (the attempt, the status, or whether it lies in the trash), `job.progress`, `job.preview`,
    `job.output` or `queue.position`, with the row it speaks of."""

    type: str
    job: Job
    queue_position: int | None


class _State(NamedTuple):
    """What `job.status` tells."""

    attempt: int
    status: str
    trashed_at: datetime | None


class _Told(NamedTuple):
    """What the reader knows of a job."""

    revision: int
    state: _State
    progress: object  # None once the job has ended
    preview: str | None
    at: float


def _state(job: Job) -> _State:
    return _State(job.attempt, job.shown_status, job.trashed_at)


@dataclass(eq=False)
class Feed:
    """What one reader has not been told yet: the newest row of each changed job, nothing older."""

    owner_id: UUID
    only: UUID | None = None
    _since: datetime | None = None  # of the snapshot, on the database's clock
    _told: dict[UUID, _Told] = field(default_factory=dict)
    _rows: dict[UUID, Job] = field(default_factory=dict)
    _pending: set[UUID] = field(default_factory=set)
    _positions: dict[UUID, int] = field(default_factory=dict)
    _moved: set[UUID] = field(default_factory=set)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def open_ids(self) -> list[UUID]:
        """The jobs whose end the reader has not seen."""
        return [job_id for job_id, job in self._rows.items() if job.status not in TERMINAL]

    def begin(self, rows: Iterable[Job], positions: Mapping[UUID, int], since: datetime) -> None:
        """The snapshot is told: nothing up to these revisions is told again, what came in meanwhile is."""
        self._since = since
        newer, self._rows = self._rows, {}
        for job in rows:
            self._tell(job)
        self._positions = dict(positions)
        self._pending.clear()
        for job in newer.values():
            self.offer(job)

    def offer(self, job: Job) -> None:
        told = self._told.get(job.id)
        newest = self._rows.get(job.id)
        if self.only not in (None, job.id) or (told and job.revision <= told.revision):
            return
        if told is None and job.status in TERMINAL and self._is_old(job.updated_at):
            return
        if newest is None or job.revision > newest.revision:
            self._rows[job.id] = job
            self._pending.add(job.id)
            self._wake.set()

    def offer_positions(self, positions: Mapping[UUID, int]) -> None:
        mine = {job_id: at for job_id, at in positions.items() if job_id in self._rows}
        self._moved |= {job_id for job_id, at in mine.items() if self._positions.get(job_id) != at}
        self._positions = mine
        if self._moved:
            self._wake.set()

    async def next(self) -> list[Change]:
        """Waits until there is something to tell."""
        while True:
            if len(self._pending) > MAX_PENDING:
                raise SlowReader
            self._wake.clear()
            if events := [*self._changes(), *self._moves()]:
                return events
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._soonest())

    def _changes(self) -> Iterator[Change]:
        now = time.monotonic()
        for job_id in [job_id for job_id in self._pending if self._due(job_id) <= now]:
            self._pending.discard(job_id)
            yield from self._story(self._rows[job_id])

    def _moves(self) -> Iterator[Change]:
        moved, self._moved = self._moved & self._positions.keys(), set()
        for job_id in moved & self._rows.keys():
            if self._rows[job_id].status == Status.QUEUED:
                yield Change("queue.position", self._rows[job_id], self._positions[job_id])

    def _story(self, job: Job) -> Iterator[Change]:
        """From what the reader knows to this row."""
        told = self._told.get(job.id)
        self._tell(job)
        is_open = job.status not in TERMINAL
        position = self._positions.get(job.id) if job.status == Status.QUEUED else None
        if told is None or told.state != _state(job):
            yield Change("job.status", job, position)
        elif is_open and told.progress != job.progress:
            yield Change("job.progress", job, position)
        if job.status == Status.SUCCEEDED and self._is_news(told, job):
            yield Change("job.output", job, position)
        redrawn = told is None or (told.progress, told.preview) != (job.progress, job.preview_key)
        if is_open and job.preview_key and redrawn:
            yield Change("job.preview", job, position)

    def _is_news(self, told: _Told | None, job: Job) -> bool:
        """Whether the reader does not know yet that the job has ended: not when it is thrown away or restored."""
        return not self._is_old(job.finished_at) if told is None else told.state.status != job.status

    def _is_old(self, moment: datetime | None) -> bool:
        """Before the snapshot, which would have told of it if it told of such jobs."""
        return self._since is not None and moment is not None and moment < self._since

    def _tell(self, job: Job) -> None:
        self._rows[job.id] = job
        drawn: tuple[object, str | None] = (job.progress, job.preview_key)
        if job.status in TERMINAL:  # no more than the trash can come: the state is enough
            drawn = (None, None)
            del self._rows[job.id]
        self._told[job.id] = _Told(job.revision, _state(job), *drawn, time.monotonic())

    def _due(self, job_id: UUID) -> float:
        told, job = self._told.get(job_id), self._rows[job_id]
        if told is None or told.state != _state(job):
            return 0
        return told.at + PROGRESS_SECONDS

    def _soonest(self) -> float | None:
        return max(0.0, min(map(self._due, self._pending)) - time.monotonic()) if self._pending else None


class Hub:
    """Reads what changed, once for all readers of this process."""

    def __init__(self, url: str, sessions: async_sessionmaker[AsyncSession], feeds_per_user: int) -> None:
        self._url = url
        self._sessions = sessions
        self._feeds_per_user = feeds_per_user
        self._feeds: defaultdict[UUID, set[Feed]] = defaultdict(set)
        self._changed: set[UUID] = set()
        self._wake = asyncio.Event()

    @contextlib.contextmanager
    def feed(self, owner_id: UUID, only: UUID | None = None) -> Iterator[Feed]:
        feeds, feed = self._feeds[owner_id], Feed(owner_id, only)
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
            tasks.create_task(_for_ever(self._listen))
            tasks.create_task(_for_ever(self._refresh))
            tasks.create_task(_for_ever(self._poll))

    async def _listen(self) -> None:
        async for note in listen(self._url):
            if note["type"] == "reconnected":
                await self._look()
            elif UUID(note["owner_id"]) in self._feeds:
                self._changed.add(UUID(note["job_id"]))
                self._wake.set()

    async def _refresh(self) -> None:
        await self._wake.wait()
        await asyncio.sleep(GATHER_SECONDS)
        self._wake.clear()
        changed, self._changed = self._changed, set()
        async with self._sessions() as session:
            rows = await jobs.by_ids(session, changed)
        self._offer(rows)

    async def _poll(self) -> None:
        await asyncio.sleep(POLL_SECONDS)
        await self._look()

    async def _look(self) -> None:
        """For everyone who watches: the open jobs, those that were open when last seen, the newest ones (they may have
        come and gone unnoticed), and the places in the queue."""
        watching = {owner_id: list(feeds) for owner_id, feeds in self._feeds.items()}
        if not watching:
            return
        known = {job_id for feeds in watching.values() for feed in feeds for job_id in feed.open_ids()}
        async with self._sessions() as session:
            rows = await jobs.open_jobs(session, watching)
            waiting = {job.owner_id for job in rows if job.status == Status.QUEUED}
            rows += await jobs.newest(session, watching, limit=RECENT)
            rows += await jobs.by_ids(session, known - {job.id for job in rows})
            positions = await jobs.queue_positions(session, waiting)
        self._offer(rows)
        for owner_id, feeds in watching.items():
            for feed in feeds:
                feed.offer_positions(positions.get(owner_id, {}))

    def _offer(self, rows: Iterable[Job]) -> None:
        for job in rows:
            for feed in self._feeds.get(job.owner_id, ()):
                feed.offer(job)


async def _for_ever(step: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await step()
        except Exception:  # an outermost loop: the readers outlive every fault of the database
            log.warning("events interrupted", step=step.__name__, exc_info=True)
            await asyncio.sleep(POLL_SECONDS)
