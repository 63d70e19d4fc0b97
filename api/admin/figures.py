"""Bodies of the routes of `system.py`, and how they are made from rows."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.admin import examples
from db.dispatchers import MAX_HELD, Held, Seen
from db.jobs.figures import Overview, total
from db.storage.figures import Figures
from db.tables import StageRate, Status


class BoundedCount(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    count: int
    more: bool = Field(description="true: there are more than `count`, which were not counted")


class EndedJobsView(BaseModel):
    """How many jobs ended in each state."""

    succeeded: BoundedCount
    failed: BoundedCount
    canceled: BoundedCount


class HourView(EndedJobsView):
    hour: AwareDatetime = Field(description="when the hour began")


class QueueView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.QUEUE]})

    waiting: BoundedCount
    running: BoundedCount
    users_waiting: BoundedCount
    oldest_waiting_seconds: float | None = Field(description="the age of the oldest waiting job; null if none waits")
    last_day: EndedJobsView = Field(description="the sums of `hours`")
    hours: list[HourView] = Field(description="the last 24 hours, the current one included, the oldest first")
    median_wait_seconds: float | None = Field(description="from submission to the first start; null without samples")
    median_run_seconds: float | None = Field(description="from the first start to the end; null without samples")
    samples: int = Field(description="the medians are those of the last so many jobs that succeeded")


def queue_view(overview: Overview) -> QueueView:
    queue, hours, medians = overview.queue, overview.hours, overview.medians
    return QueueView(
        waiting=_count(queue.waiting),
        running=_count(queue.running),
        users_waiting=_count(queue.users),
        oldest_waiting_seconds=queue.oldest_seconds,
        last_day=EndedJobsView(**_ended({status: total(hours, status) for status in hours[0].ended})),
        hours=[HourView(hour=hour.hour, **_ended(hour.ended)) for hour in hours],
        median_wait_seconds=medians.wait_seconds,
        median_run_seconds=medians.run_seconds,
        samples=medians.jobs,
    )


def _count(counted: Any) -> BoundedCount:
    return BoundedCount.model_validate(counted)


def _ended(counts: Mapping[Status, Any]) -> dict[str, BoundedCount]:
    return {str(status): _count(counted) for status, counted in counts.items()}


class HeldJobView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    job_id: UUID
    user_id: UUID
    attempt: int
    stage: str | None
    value: float = Field(description="the progress of the job, from 0 to 1")
    started_at: AwareDatetime = Field(description="the start of its first attempt")
    lease_expires_at: AwareDatetime
    cancel_requested: bool


class WorkerView(BaseModel):
    """A dispatcher, the process that claims jobs and takes them through the stages."""

    owner: str = Field(description="host, process id and a random part; the lease owner of its jobs")
    version: str | None = Field(description="null: it is not registered, because it is of an earlier release")
    state: Literal["running", "lost"] = Field(description="`lost`: it has not written for 45 seconds that it runs")
    started_at: AwareDatetime | None
    seen_at: AwareDatetime | None
    capacity: int | None = Field(description="how many jobs it runs at once")
    jobs: list[HeldJobView]
    replicas: dict[str, dict[str, int]] = Field(
        description="how many replicas of each stage are in which state on its cluster; empty if Serve does not answer"
    )


class StageSpeed(BaseModel):
    """The measured speed of one stage with one model, from which the times left are estimated."""

    model_config = ConfigDict(from_attributes=True)

    stage: str
    model: str
    seconds_per_unit: float
    samples: int
    updated_at: AwareDatetime


class WorkersView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.WORKERS]})

    data: list[WorkerView]
    more_jobs: bool = Field(description="true: more jobs run than are listed")
    stages: list[StageSpeed]


def workers_view(seen: list[Seen], held: list[Held], rates: list[StageRate]) -> WorkersView:
    """Dispatchers without a row are those of an earlier release: listed by their jobs only."""
    jobs: dict[str, list[HeldJobView]] = {}
    for job in held[:MAX_HELD]:
        jobs.setdefault(job.owner, []).append(HeldJobView.model_validate(job))
    registered = [_worker(one, jobs.pop(one.dispatcher.owner, [])) for one in seen]
    others = [_unregistered(owner, of) for owner, of in sorted(jobs.items())]
    stages = [StageSpeed.model_validate(rate) for rate in rates]
    return WorkersView(data=registered + others, more_jobs=len(held) > MAX_HELD, stages=stages)


def _worker(one: Seen, jobs: list[HeldJobView]) -> WorkerView:
    row = one.dispatcher
    return WorkerView(
        owner=row.owner,
        version=row.version,
        state="lost" if one.lost else "running",
        started_at=row.started_at,
        seen_at=row.seen_at,
        capacity=row.jobs,
        jobs=jobs,
        replicas=row.replicas,
    )


def _unregistered(owner: str, jobs: list[HeldJobView]) -> WorkerView:
    return WorkerView(
        owner=owner,
        version=None,
        state="running",
        started_at=None,
        seen_at=None,
        capacity=None,
        jobs=jobs,
        replicas={},
    )


class StoredObjects(BaseModel):
    objects: int
    bytes: int


class StoredKind(StoredObjects):
    kind: str


class StoredUser(StoredObjects):
    user_id: UUID
    email: str | None = Field(description="null: the account was deleted after the measurement")


class StorageView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.STORAGE]})

    measured_at: AwareDatetime | None = Field(description="null: not measured yet, because no dispatcher has run")
    kinds: list[StoredKind] = Field(description="all objects that a row names, the kind with the most bytes first")
    users: list[StoredUser] = Field(description="the 20 users with the most bytes")
    trash: StoredObjects = Field(description="objects of videos in the trash")
    deletable: StoredObjects = Field(
        description="base clips that have expired, or whose job and video were deleted: the garbage collection deletes "
        "those from which no job or favourite may start"
    )
    collected_at: AwareDatetime | None = Field(description="the end of the last run of the garbage collection")
    removed: dict[str, int] = Field(description="how many rows and objects that run removed, by its steps")


_NOTHING: Final = StoredObjects(objects=0, bytes=0)


def storage_view(stored: Figures | None, collected: Figures | None, emails: Mapping[str, str]) -> StorageView:
    figures: dict[str, Any] = stored.figures if stored else {}
    users = figures.get("users", [])
    return StorageView(
        measured_at=stored and stored.measured_at,
        kinds=figures.get("kinds", []),
        users=[StoredUser(**user, email=emails.get(user["user_id"])) for user in users],
        trash=figures.get("trash", _NOTHING),
        deletable=figures.get("deletable", _NOTHING),
        collected_at=collected and collected.measured_at,
        removed=collected.figures["removed"] if collected else {},
    )


class FailureView(BaseModel):
    job_id: UUID
    user_id: UUID
    email: str
    code: str = Field(description="the error code, as the user receives it")
    stage: str | None
    message: str
    model: str | None
    attempts: int = Field(description="all attempts; those that were neither a failure nor a loss were given back")
    failures: int
    losses: int
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime


class FailureList(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [examples.FAILURES]})

    data: list[FailureView]
    codes: list[str] = Field(description="the error codes that failed jobs have, for the filter")
    first_id: UUID | None
    last_id: UUID | None
    has_more: bool


def failure_list(rows: Sequence[Mapping[str, Any]], codes: list[str], limit: int) -> FailureList:
    data = [_failure(row) for row in rows[:limit]]
    first_id, last_id = (data[0].job_id, data[-1].job_id) if data else (None, None)
    return FailureList(data=data, codes=codes, first_id=first_id, last_id=last_id, has_more=len(rows) > limit)


def _failure(row: Mapping[str, Any]) -> FailureView:
    error = row["error"]
    return FailureView(
        job_id=row["id"],
        user_id=row["owner_id"],
        email=row["email"],
        code=error.get("code", "internal_error"),
        stage=error.get("stage"),
        message=error.get("message", ""),
        model=row["model"],
        attempts=row["attempt"],
        failures=row["failures"],
        losses=row["losses"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )
