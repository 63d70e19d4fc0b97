"""The tables as SQLAlchemy models."""

import enum
from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column

from db.account_tables import (
    LoginSession,
    Mail,
    OneTimeToken,
    Passkey,
    Purpose,
    RateLimit,
    RecoveryCode,
    RefreshToken,
    Role,
    User,
)
from db.audit_tables import Action, AuditEntry
from db.base import Base, Json
from db.ids import uuid7
from db.key_tables import ApiKey, Scope
from db.moderation_tables import BlockedHash, Decision, ModerationDecision, Report, ReportReason
from db.remix_tables import Remix
from db.share_tables import Share
from db.system_tables import Dispatcher, SystemFigures
from db.video_tables import Moderation, Video, Visibility
from db.webhook_tables import DeliveryState, DisabledReason, Webhook, WebhookDelivery, WebhookEvent

__all__ = [
    "TERMINAL", "Action", "ApiKey", "Artifact", "Attempt", "AuditEntry", "Base", "BlockedHash", "Decision",
    "DeliveryState", "DisabledReason", "Dispatcher", "Job", "Json", "LoginSession", "Mail", "Moderation",
    "ModerationDecision", "OneTimeToken", "Passkey", "Purpose", "RateLimit", "RecoveryCode", "RefreshToken", "Remix",
    "Report", "ReportReason", "Role", "Scope", "Share", "ShownStatus", "StageRate", "Status", "SystemFigures", "Turn",
    "User", "Video", "Visibility", "Webhook", "WebhookDelivery", "WebhookEvent",
]  # fmt: skip


class Status(enum.StrEnum):
    """The states of a job, with the transitions into and out of each.

    Every transition is a conditional UPDATE: in `db/jobs/queries.py` for clients, in `db/jobs/transitions.py` for
    workers. This is the only list of the states; the CHECK constraints, TERMINAL and the API are derived from it.
    """

    # In: enqueue, retry (client); fail if it may retry, give_back, rescue (worker).
    # Out: claim (worker) to running; request_cancel (client) to canceled.
    QUEUED = "queued"
    # In: claim. Out: publish, fail, give_back, cancel by the worker that holds the lease; rescue by any worker after
    # the lease has expired. A requested cancel does not change the state: the job is shown as `canceling` until the
    # worker has stopped, and can only become canceled.
    RUNNING = "running"
    # In: publish. Terminal.
    SUCCEEDED = "succeeded"
    # In: fail if it may not retry; rescue after too many losses. Terminal: a retry is a new job.
    FAILED = "failed"
    # In: request_cancel from queued; cancel, fail, give_back, rescue from running if a cancel was requested. Terminal.
    CANCELED = "canceled"


TERMINAL: Final = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELED})
# The states that clients see.
ShownStatus: TypeAlias = Status | Literal["canceling"]


def _sql_list(states: Iterable[Status]) -> str:
    return "(" + ", ".join(f"'{status}'" for status in Status if status in states) + ")"


class Job(Base):
    """A request for one video, its state and its progress. `attempt` is the fencing token of its workers."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(f"status IN {_sql_list(Status)}", "status"),
        CheckConstraint("(status = 'running') = (lease_owner IS NOT NULL)", "running_is_owned"),
        CheckConstraint("(status = 'running') = (lease_expires_at IS NOT NULL)", "running_is_leased"),
        CheckConstraint("status <> 'running' OR (attempt >= 1 AND started_at IS NOT NULL)", "running_is_started"),
        CheckConstraint(f"(status IN {_sql_list(TERMINAL)}) = (finished_at IS NOT NULL)", "finished"),
        CheckConstraint("(status = 'failed') = (error IS NOT NULL)", "failed_has_error"),
        CheckConstraint("status <> 'succeeded' OR resolved IS NOT NULL", "succeeded_is_resolved"),
        CheckConstraint(
            "status = 'running' OR (status = 'canceled') = (cancel_requested_at IS NOT NULL)", "canceled_on_request"
        ),
        CheckConstraint("(idempotency_key IS NULL) = (request_hash IS NULL)", "key_has_hash"),
        CheckConstraint("failures >= 0 AND losses >= 0 AND failures + losses <= attempt", "counts"),
        CheckConstraint("seconds >= 0 AND charged_seconds IN (0, seconds)", "charge"),
        CheckConstraint(
            "CASE jsonb_typeof(progress -> 'value') WHEN 'number' "
            "THEN (progress ->> 'value')::float8 BETWEEN 0 AND 1 ELSE false END",
            "progress_value",
        ),
        CheckConstraint("trashed_at IS NULL OR finished_at IS NOT NULL", "trashed_has_ended"),
        Index(
            "ix_jobs_never_started", "finished_at", postgresql_where=text("status = 'canceled' AND attempt = 0")
        ),
        Index("ix_jobs_trashed_at", "trashed_at", postgresql_where=text("trashed_at IS NOT NULL")),
        # The triggers that maintain `turns` read these four.
        Index(
            "ix_jobs_queued", "owner_id", text("priority DESC"), "created_at", "id",
            postgresql_where=text("status = 'queued'"),
        ),
        Index("ix_jobs_running", "owner_id", postgresql_where=text("status = 'running'")),
        Index("ix_jobs_started", "owner_id", "started_at", postgresql_where=text("started_at IS NOT NULL")),
        Index(
            "ix_jobs_paused", "owner_id", "available_at",
            postgresql_where=text("status = 'queued' AND available_at > created_at"),
        ),
        Index("ix_jobs_owner_id_id", "owner_id", "id"),
        Index(
            "uq_jobs_idempotency_key", "owner_id", "idempotency_key",
            unique=True, postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index("ix_jobs_charged", "owner_id", "created_at", postgresql_where=text("charged_seconds > 0")),
        Index("ix_jobs_base", text("(base ->> 'key')"), postgresql_where=text("base IS NOT NULL")),
        Index("ix_jobs_preview", "preview_key", postgresql_where=text("preview_key IS NOT NULL")),
        Index("ix_jobs_retried_from", "retried_from", postgresql_where=text("retried_from IS NOT NULL")),
        # What administrators see: the oldest waiting job, the ended jobs by state and time, the failures by code.
        Index("ix_jobs_waiting", "created_at", postgresql_where=text("status = 'queued'")),
        Index("ix_jobs_ended", "status", "finished_at", "id", postgresql_where=text("finished_at IS NOT NULL")),
        Index(
            "ix_jobs_error_code", text("(error ->> 'code')"), "finished_at", "id",
            postgresql_where=text("status = 'failed'"),
        ),
        # Leaves room for HOT updates: heartbeats and progress rewrite the row often.
        {"postgresql_with": {"fillfactor": 80}},
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(server_default="queued")
    spec: Mapped[Json]
    resolved: Mapped[Json | None]
    warnings: Mapped[list[str]] = mapped_column(server_default="[]")
    priority: Mapped[int] = mapped_column(server_default="0")
    # Every claim increments `attempt`. Failures and losses are counted separately, so giving a job back is free.
    attempt: Mapped[int] = mapped_column(server_default="0")
    failures: Mapped[int] = mapped_column(server_default="0")
    losses: Mapped[int] = mapped_column(server_default="0")
    # Use the reduced plan, after an out-of-memory error.
    reduced: Mapped[bool] = mapped_column(server_default=text("false"))
    lease_owner: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    available_at: Mapped[datetime] = mapped_column(server_default=func.now())
    cancel_requested_at: Mapped[datetime | None]
    idempotency_key: Mapped[str | None]
    request_hash: Mapped[str | None]
    progress: Mapped[Json] = mapped_column(server_default=text("""'{"value": 0}'"""))
    eta_seconds: Mapped[float | None]
    preview_key: Mapped[str | None]
    # The kept base clip; its shape is the model in pipeline/contract/base_clip.py.
    base: Mapped[Json | None]
    # Incremented by every change that clients can see; a heartbeat is none.
    revision: Mapped[int] = mapped_column(BigInteger, server_default="1")
    # code, message, stage
    error: Mapped[Json | None]
    retried_from: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    # The requested seconds of video.
    seconds: Mapped[float] = mapped_column(server_default="0")
    # Counts towards the quota; 0 once the job has failed or was canceled.
    charged_seconds: Mapped[float] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # The start of the first attempt.
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # When the owner deleted the job: it is hidden, and purged some days later.
    trashed_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # The video that it made. Not a column: gateways of the previous release read `SELECT *`.
    video_id: Mapped[UUID | None] = column_property(
        select(Video.id).where(Video.job_id == id).correlate_except(Video).scalar_subquery().label("video_id")
    )

    @property
    def shown_status(self) -> ShownStatus:
        """The state that clients see: `canceling` while a cancel of a running job is requested."""
        return "canceling" if self.status == Status.RUNNING and self.cancel_requested_at else Status(self.status)


class Turn(Base):
    """A user with open jobs, and the user's place in the fair order. Triggers on `jobs` maintain it (migration 0005).

    There is no foreign key: the row is deleted with the user's last job. A cascade would lock it before the jobs, and
    every other statement locks the jobs first.
    """

    __tablename__ = "turns"
    __table_args__ = (
        CheckConstraint("queued >= 0 AND running >= 0", "counts"),
        CheckConstraint(
            "(head_id IS NULL) = (head_priority IS NULL) AND (head_id IS NULL) = (waits_since IS NULL)", "head"
        ),
        # The fair order: a claim takes the first row.
        Index(
            "ix_turns_order", "running", text("head_priority DESC"), "waits_since", "head_id",
            postgresql_where=text("head_id IS NOT NULL"),
        ),
        Index("ix_turns_wakes_at", "wakes_at", postgresql_where=text("wakes_at IS NOT NULL")),
        # Every start and every end rewrites a row.
        {"postgresql_with": {"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02}},
    )  # fmt: skip

    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    queued: Mapped[int] = mapped_column(server_default="0")
    running: Mapped[int] = mapped_column(server_default="0")
    # When a job of the user last started.
    served_at: Mapped[datetime | None]
    # The job that starts next: the first that is queued and not paused.
    head_id: Mapped[UUID | None]
    head_priority: Mapped[int | None]
    # The later of `served_at` and the creation of the head job.
    waits_since: Mapped[datetime | None]
    # When the next pause of a queued job ends.
    wakes_at: Mapped[datetime | None]


class Attempt(Base):
    """One attempt of one worker at one job, and its outcome."""

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint("outcome IN ('succeeded', 'failed', 'lost', 'returned', 'canceled')", "outcome"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", "ended_has_outcome"),
        Index("uq_attempts_open", "job_id", unique=True, postgresql_where=text("outcome IS NULL")),
    )

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    lease_owner: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    error: Mapped[Json | None]


class Artifact(Base):
    """A stored object. Clients see only those of a video; kind `base` is for workers, and belongs to a job.

    A purged job leaves its objects. Those of a video are deleted with the video, a base clip when nothing uses it.
    """

    __tablename__ = "artifacts"
    __table_args__ = (
        ForeignKeyConstraint(["job_id", "attempt"], ["attempts.job_id", "attempts.attempt"], ondelete="SET NULL"),
        UniqueConstraint("job_id", "attempt", "kind"),
        UniqueConstraint("video_id", "kind"),
        CheckConstraint("kind IN ('video', 'poster', 'preview', 'spritesheet', 'base')", "kind"),
        CheckConstraint("(kind = 'base') = (expires_at IS NOT NULL)", "base_expires"),
        Index("ix_artifacts_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        Index("ix_artifacts_sha256", "sha256", postgresql_where=text("kind = 'video'")),
        Index("ix_artifacts_without_owner", "id", postgresql_where=text("job_id IS NULL AND video_id IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    job_id: Mapped[UUID | None]
    attempt: Mapped[int | None]
    video_id: Mapped[UUID | None] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    kind: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    content_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    fps: Mapped[float]
    frames: Mapped[int]
    duration: Mapped[float]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]


class StageRate(Base):
    """Measured seconds per unit of work of one stage with one model."""

    __tablename__ = "stage_rates"

    stage: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    seconds_per_unit: Mapped[float]
    samples: Mapped[int] = mapped_column(server_default="1")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
