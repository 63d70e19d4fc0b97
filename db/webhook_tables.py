"""The tables of webhooks: the endpoints of users, and the deliveries to them."""

import enum
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base
from db.ids import uuid7


class WebhookEvent(enum.StrEnum):
    """What a webhook can be called for. The triggers of migration 0010 compose these names from the states."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELED = "job.canceled"
    # Decisions of moderators, and reports that hide a video at once.
    VIDEO_HIDDEN = "video.hidden"
    VIDEO_REJECTED = "video.rejected"
    VIDEO_RESTORED = "video.restored"


# The type of the delivery that the owner requests as a test.
TEST_EVENT: Final = "webhook.test"


class DisabledReason(enum.StrEnum):
    OWNER = "owner"
    # The endpoint answered 410.
    GONE = "gone"
    # It failed for days.
    FAILURES = "failures"


class DeliveryState(enum.StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    # Given up.
    FAILED = "failed"


def _sql_list(names: type[enum.StrEnum]) -> str:
    return ", ".join(f"'{name}'" for name in names)


class Webhook(Base):
    """An endpoint of a user. A gateway leases it to send what is due, so one gateway at a time sends to it."""

    __tablename__ = "webhooks"
    __table_args__ = (
        CheckConstraint(f"cardinality(events) > 0 AND events <@ ARRAY[{_sql_list(WebhookEvent)}]::varchar[]", "events"),
        CheckConstraint(f"disabled_reason IN ({_sql_list(DisabledReason)})", "disabled_reason"),
        CheckConstraint("(disabled_at IS NULL) = (disabled_reason IS NULL)", "disabled_has_reason"),
        CheckConstraint("disabled_at IS NULL OR due_at IS NULL", "disabled_is_not_due"),
        CheckConstraint("(previous_secret IS NULL) = (previous_secret_until IS NULL)", "previous_secret"),
        CheckConstraint("failures >= 0 AND (failures = 0) = (failing_since IS NULL)", "failures"),
        Index("ix_webhooks_owner_id_id", "owner_id", "id"),
        # The queue: the endpoints with a delivery that is or will be due.
        Index("ix_webhooks_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    url: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    events: Mapped[list[str]] = mapped_column(ARRAY(String))
    # Encrypted. The previous one signs beside it for a while after a rotation.
    secret: Mapped[str]
    previous_secret: Mapped[str | None]
    previous_secret_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    # Failed attempts since the last success, and the first of them.
    failures: Mapped[int] = mapped_column(server_default="0")
    failing_since: Mapped[datetime | None]
    # When its next delivery is due; null if it is disabled or has none.
    due_at: Mapped[datetime | None]
    # While a gateway sends to it; the value is the fence of this gateway.
    leased_until: Mapped[datetime | None]


class WebhookDelivery(Base):
    """A message for one endpoint, written in the transaction of the event. `id` is the `webhook-id` of all attempts."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint(f"state IN ({_sql_list(DeliveryState)})", "state"),
        CheckConstraint("attempts >= 0", "attempts"),
        # The log of an endpoint, newest first.
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
        # What is due at an endpoint. Deliveries that have ended are not in it.
        Index(
            "ix_webhook_deliveries_pending", "webhook_id", "available_at", postgresql_where=text("state = 'pending'")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    # A WebhookEvent, or TEST_EVENT.
    type: Mapped[str]
    # The job or the video. No foreign key: an entry of the log outlives its subject.
    subject_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(server_default="pending")
    # Of this delivery, since it was written or requested again.
    attempts: Mapped[int] = mapped_column(server_default="0")
    # When the next attempt is due.
    available_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # The last attempt.
    attempted_at: Mapped[datetime | None]
    response_status: Mapped[int | None]
    error: Mapped[str | None]
    duration_ms: Mapped[int | None]
