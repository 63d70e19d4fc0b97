"""The tables."""

import enum
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.ids import uuid7

Json = dict[str, Any]


class Status(enum.StrEnum):
    """The states of a job, and who moves it in and out.

    Leaving `queued` or `running` is a conditional UPDATE in `db/jobs.py` (clients) or `db/work.py` (workers).
    """

    # In: enqueue and retry (a client); fail with another try, give_back, rescue (workers).
    # Out: claim (a worker) to running; request_cancel (a client) to canceled.
    QUEUED = "queued"
    # In: claim. Out: publish, fail, give_back, cancel by the worker that holds the lease; rescue by any worker once
    # the lease has expired. A requested cancel does not move the job: it is shown as `canceling` until the worker
    # answers. From then on the job can only become canceled.
    RUNNING = "running"
    # In: publish. Final.
    SUCCEEDED = "succeeded"
    # In: fail without another try; rescue after too many losses. Final: a retry is a new job.
    FAILED = "failed"
    # In: request_cancel from queued; cancel, fail, give_back, rescue from running once a cancel is requested. Final.
    CANCELED = "canceled"


TERMINAL: Final = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELED})


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy reads it from the class)
        datetime: DateTime(timezone=True),
        float: Double(),
        Json: JSONB(none_as_null=True),
        list[str]: JSONB(),
    }


class User(Base):
    __tablename__ = "users"
    __table_args__ = (Index("uq_users_email", func.lower(text("email")), unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    email: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]


class Session(Base):
    """A signed-in browser: one row per refresh token, a chain of rotated tokens shares its family."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    family_id: Mapped[UUID] = mapped_column(index=True)
    refresh_hash: Mapped[str] = mapped_column(unique=True)
    user_agent: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    rotated_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Job(Base):
    """One request for a video and all that is known about it. `attempt` is the fencing token of its workers."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'succeeded', 'failed', 'canceled')", "status"),
        CheckConstraint("(status = 'running') = (lease_owner IS NOT NULL)", "running_is_owned"),
        CheckConstraint("(status = 'running') = (lease_expires_at IS NOT NULL)", "running_is_leased"),
        CheckConstraint("status <> 'running' OR (attempt >= 1 AND started_at IS NOT NULL)", "running_is_started"),
        CheckConstraint("(status IN ('succeeded', 'failed', 'canceled')) = (finished_at IS NOT NULL)", "finished"),
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
        Index("ix_jobs_trashed_at", "trashed_at", postgresql_where=text("trashed_at IS NOT NULL")),
        # Claim and queue position walk these three.
        Index(
            "ix_jobs_queued", "owner_id", text("priority DESC"), "created_at", "id",
            postgresql_where=text("status = 'queued'"),
        ),
        Index("ix_jobs_running", "owner_id", postgresql_where=text("status = 'running'")),
        Index("ix_jobs_started", "owner_id", "started_at", postgresql_where=text("started_at IS NOT NULL")),
        Index("ix_jobs_owner_id_id", "owner_id", "id"),
        Index(
            "uq_jobs_idempotency_key", "owner_id", "idempotency_key",
            unique=True, postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index("ix_jobs_charged", "owner_id", "created_at", postgresql_where=text("charged_seconds > 0")),
        Index("ix_jobs_base", text("(base ->> 'key')"), postgresql_where=text("base IS NOT NULL")),
        Index("ix_jobs_preview", "preview_key", postgresql_where=text("preview_key IS NOT NULL")),
        Index("ix_jobs_retried_from", "retried_from", postgresql_where=text("retried_from IS NOT NULL")),
        {"postgresql_with": {"fillfactor": 80}},  # beats and progress stay on their page
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(server_default="queued")
    spec: Mapped[Json]
    resolved: Mapped[Json | None]
    warnings: Mapped[list[str]] = mapped_column(server_default="[]")
    priority: Mapped[int] = mapped_column(server_default="0")
    # Every claim raises `attempt`; failures and losses are counted apart, so a hand-back costs nothing.
    attempt: Mapped[int] = mapped_column(server_default="0")
    failures: Mapped[int] = mapped_column(server_default="0")
    losses: Mapped[int] = mapped_column(server_default="0")
    reduced: Mapped[bool] = mapped_column(server_default=text("false"))  # a smaller plan, after out of memory
    lease_owner: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    available_at: Mapped[datetime] = mapped_column(server_default=func.now())
    cancel_requested_at: Mapped[datetime | None]
    idempotency_key: Mapped[str | None]
    request_hash: Mapped[str | None]
    progress: Mapped[Json] = mapped_column(server_default=text("""'{"value": 0}'"""))
    eta_seconds: Mapped[float | None]
    preview_key: Mapped[str | None]
    base: Mapped[Json | None]  # the kept base clip: key, sha256, width, height, frames, fps, plan
    # Rises with every write a client can see; a beat is none.
    revision: Mapped[int] = mapped_column(BigInteger, server_default="1")
    error: Mapped[Json | None]  # code, message, stage
    retried_from: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    seconds: Mapped[float] = mapped_column(server_default="0")  # of video, asked for
    charged_seconds: Mapped[float] = mapped_column(server_default="0")  # 0 again once the job failed or was canceled
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]  # of the first attempt
    finished_at: Mapped[datetime | None]
    trashed_at: Mapped[datetime | None]  # thrown away by its owner: hidden, and forgotten some days later
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def shown_status(self) -> str:
        """The status a client sees: `canceling` while a running job has been asked to stop."""
        return "canceling" if self.status == Status.RUNNING and self.cancel_requested_at else self.status


class Attempt(Base):
    """One try of one worker at one job, and how it ended."""

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
    """A finished object. Only those of a succeeded attempt are ever shown; kind `base` is for workers alone."""

    __tablename__ = "artifacts"
    __table_args__ = (
        ForeignKeyConstraint(["job_id", "attempt"], ["attempts.job_id", "attempts.attempt"], ondelete="CASCADE"),
        UniqueConstraint("job_id", "attempt", "kind"),
        CheckConstraint("kind IN ('video', 'poster', 'preview', 'base')", "kind"),
        CheckConstraint("(kind = 'base') = (expires_at IS NOT NULL)", "base_expires"),
        Index("ix_artifacts_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    job_id: Mapped[UUID]
    attempt: Mapped[int]
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
    """How long a stage takes for one unit of work with one model, learnt from finished jobs."""

    __tablename__ = "stage_rates"

    stage: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    seconds_per_unit: Mapped[float]
    samples: Mapped[int] = mapped_column(server_default="1")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
