"""The events that one reader has not received yet.

A notification is only a hint that a row changed. Each new row is compared with the row that was last sent, so lost,
duplicated and reordered notifications lead to the same events.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from db.jobs.changes import Version
from db.tables import TERMINAL, Job, Status

# At most two progress events per second and job.
PROGRESS_SECONDS = 0.5
# A reader with more unsent jobs is disconnected.
MAX_PENDING = 500


class SlowReader(Exception):
    """The reader does not receive as fast as events are published."""


class JobEvent(NamedTuple):
    """One event: its type, and the row that it describes.

    The types are `job.status` (a new job, attempt or status, or a move to or from the trash), `job.progress`,
    `job.preview` and `job.output`.
    """

    type: str
    job: Job
    queue_position: int | None

    @property
    def job_id(self) -> UUID:
        return self.job.id

    @property
    def revision(self) -> int:
        return self.job.revision


class PositionEvent(NamedTuple):
    """The position of a queued job has changed, and nothing else."""

    job_id: UUID
    revision: int
    queue_position: int

    @property
    def type(self) -> str:
        return "queue.position"


Event = JobEvent | PositionEvent


class _State(NamedTuple):
    """The columns whose change makes a `job.status` event."""

    attempt: int
    status: str
    trashed_at: datetime | None


class _Sent(NamedTuple):
    """What was last sent to the reader about a job. `progress` and `preview_key` are None in a terminal state."""

    revision: int
    state: _State
    progress: object
    preview_key: str | None
    at: float


def _state(job: Job) -> _State:
    return _State(job.attempt, job.shown_status, job.trashed_at)


@dataclass(eq=False, slots=True)
class Feed:
    """The newest unsent row of each changed job of one user, or of one job if `job_id` is given."""

    owner_id: UUID
    job_id: UUID | None = None
    # When the snapshot was read, on the database's clock.
    _snapshot_at: datetime | None = None
    _sent: dict[UUID, _Sent] = field(default_factory=dict)
    # The newest rows of the jobs with unsent changes. Sent rows are not kept: a prompt and its plan take kilobytes.
    _rows: dict[UUID, Job] = field(default_factory=dict)
    _positions: dict[UUID, int] = field(default_factory=dict)
    _pending_positions: set[UUID] = field(default_factory=set)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def open_ids(self) -> list[UUID]:
        """The jobs that are not terminal in the newest rows of this feed."""
        return [job_id for job_id in self._sent.keys() | self._rows.keys() if self._status(job_id) not in TERMINAL]

    def has_queued(self) -> bool:
        return any(self._status(job_id) == Status.QUEUED for job_id in self._sent.keys() | self._rows.keys())

    def _status(self, job_id: UUID) -> str:
        """The newest known status."""
        job = self._rows.get(job_id)
        return job.status if job else self._sent[job_id].state.status

    def lacks(self, row: Job | Version) -> bool:
        """Whether this version of a job would be added by `offer`."""
        newest = self._rows.get(row.id)
        return self._accepts(row) and (newest is None or row.revision > newest.revision)

    def start(self, snapshot: Iterable[Job], positions: Mapping[UUID, int], snapshot_at: datetime) -> None:
        """Record the snapshot as sent. Rows that were offered while it was read are sent only if they are newer."""
        self._snapshot_at = snapshot_at
        offered, self._rows = self._rows, {}
        for job in snapshot:
            self._record_sent(job)
        self._positions = dict(positions)
        for job in offered.values():
            self.offer(job)

    def offer(self, job: Job) -> None:
        """Add a row, unless it is older than a known row or the snapshot has superseded it."""
        if self.lacks(job):
            self._rows[job.id] = job
            self._wake.set()

    def _accepts(self, row: Job | Version) -> bool:
        """Whether it is newer than what was sent, and not a job that had ended before the snapshot."""
        sent = self._sent.get(row.id)
        if self.job_id not in (None, row.id) or (sent and row.revision <= sent.revision):
            return False
        return not (sent is None and row.status in TERMINAL and self._is_before_snapshot(row.updated_at))

    def offer_positions(self, positions: Mapping[UUID, int]) -> None:
        known = {job_id: position for job_id, position in positions.items() if job_id in self._sent.keys() | self._rows}
        self._pending_positions |= {job_id for job_id, at in known.items() if self._positions.get(job_id) != at}
        self._positions = known
        if self._pending_positions:
            self._wake.set()

    async def next(self) -> list[Event]:
        """Wait for events that are due, and record them as sent."""
        while True:
            if len(self._rows) > MAX_PENDING:
                raise SlowReader
            self._wake.clear()
            events: list[Event] = [*self._due_events(), *self._position_events()]
            if events:
                return events
            # Not wait_for: in Python 3.11 it discards a cancellation that arrives together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_until_due()):
                    await self._wake.wait()

    def _due_events(self) -> Iterator[JobEvent]:
        now = time.monotonic()
        for job_id in [job_id for job_id in self._rows if self._due_at(job_id) <= now]:
            yield from self._events_of(self._rows.pop(job_id))

    def _position_events(self) -> Iterator[PositionEvent]:
        pending, self._pending_positions = self._pending_positions & self._positions.keys(), set()
        for job_id in pending & self._sent.keys():
            if self._status(job_id) == Status.QUEUED:
                yield PositionEvent(job_id, self._sent[job_id].revision, self._positions[job_id])

    def _events_of(self, job: Job) -> Iterator[JobEvent]:
        """The events that lead from the last sent row to this one."""
        sent = self._sent.get(job.id)
        self._record_sent(job)
        is_open = job.status not in TERMINAL
        position = self._positions.get(job.id) if job.status == Status.QUEUED else None
        if sent is None or sent.state != _state(job):
            yield JobEvent("job.status", job, position)
        elif is_open and sent.progress != job.progress:
            yield JobEvent("job.progress", job, position)
        if job.status == Status.SUCCEEDED and self._is_output_new(sent, job):
            yield JobEvent("job.output", job, position)
        preview_changed = sent is None or (sent.progress, sent.preview_key) != (job.progress, job.preview_key)
        if is_open and job.preview_key and preview_changed:
            yield JobEvent("job.preview", job, position)

    def _is_output_new(self, sent: _Sent | None, job: Job) -> bool:
        """False if a job that had already succeeded was moved to or from the trash."""
        return not self._is_before_snapshot(job.finished_at) if sent is None else sent.state.status != job.status

    def _is_before_snapshot(self, moment: datetime | None) -> bool:
        return self._snapshot_at is not None and moment is not None and moment < self._snapshot_at

    def _record_sent(self, job: Job) -> None:
        # Only trash events can follow a terminal state: its progress is not needed any more.
        rendering: tuple[object, str | None] = (job.progress, job.preview_key)
        if job.status in TERMINAL:
            rendering = (None, None)
        self._sent[job.id] = _Sent(job.revision, _state(job), *rendering, time.monotonic())

    def _due_at(self, job_id: UUID) -> float:
        """Progress is rate-limited; changes of the state are due immediately."""
        sent, job = self._sent.get(job_id), self._rows[job_id]
        if sent is None or sent.state != _state(job):
            return 0
        return sent.at + PROGRESS_SECONDS

    def _seconds_until_due(self) -> float | None:
        return max(0.0, min(map(self._due_at, self._rows)) - time.monotonic()) if self._rows else None
