"""Deliveries as the gateways send them: claim an endpoint, record its attempts, purge what is old.

A gateway leases an endpoint, sends what is due at it, and records the outcomes when it returns the lease. One endpoint
is leased to one gateway at a time, so a slow receiver does not delay others. The lease of a killed gateway expires
after LEASE_SECONDS; the messages of its batch are then sent again.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import audit
from db.audit import Action
from db.ids import first_uuid7
from db.tables import DeliveryState, DisabledReason, User, Webhook, WebhookDelivery

# Longer than one batch takes.
LEASE_SECONDS: Final = 60
# What is sent to one endpoint at the same time.
BATCH: Final = 5
# The pauses between the attempts of a delivery: 8 attempts over 31 hours.
PAUSES: Final = (
    timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
    timedelta(hours=10), timedelta(hours=14),
)  # fmt: skip
# A pause is made up to a fifth shorter or longer, so that an endpoint that comes back is not called all at once.
JITTER: Final = 0.2
# An endpoint is disabled after at least so many failed attempts without a success, over at least this time.
MAX_FAILURES: Final = 10
FAILING: Final = timedelta(days=2)
KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome of one attempt. `gone`: the answer was 410. `permanent`: there is no further attempt."""

    delivery: WebhookDelivery
    response_status: int | None
    error: str | None
    duration_ms: int
    gone: bool = False
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    webhook: Webhook
    deliveries: list[WebhookDelivery]
    # Whether the previous secret signs too.
    overlap: bool


async def claim(session: AsyncSession) -> Batch | None:
    """Lease the endpoint that has waited longest, with what is due at it; None if nothing is due."""
    unleased = or_(Webhook.leased_until.is_(None), Webhook.leased_until < func.now())
    due = (
        select(Webhook.id)
        .where(Webhook.due_at <= func.now(), unleased)
        .order_by(Webhook.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(Webhook)
        .where(Webhook.id == due.scalar_subquery())
        .values(leased_until=func.clock_timestamp() + timedelta(seconds=LEASE_SECONDS))
        .returning(Webhook, Webhook.previous_secret_until > func.now())
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return None
    webhook: Webhook = row[0]
    pending = (
        select(WebhookDelivery)
        .join(User, (User.id == webhook.owner_id) & User.disabled_at.is_(None))
        .where(WebhookDelivery.webhook_id == webhook.id, WebhookDelivery.state == DeliveryState.PENDING)
        .where(WebhookDelivery.available_at <= func.now())
        .order_by(WebhookDelivery.available_at)
        .limit(BATCH)
    )
    return Batch(webhook, list(await session.scalars(pending)), overlap=bool(row[1]))


async def finish(session: AsyncSession, webhook: Webhook, attempts: Iterable[Attempt]) -> DisabledReason | None:
    """Record the attempts and return the lease; why the endpoint was disabled, if it was.

    Nothing is recorded if the lease was lost: another gateway sends the same deliveries.
    """
    held = await _lock(session, webhook)
    if held is None:
        return None
    attempts = list(attempts)
    for attempt in attempts:
        await _record(session, attempt)
    now = await _now(session)
    failures, failing_since = _streak(held, attempts, now)
    reason = _why_disabled(held, attempts, failures, failing_since, now)
    values: dict[str, Any] = {"leased_until": None, "failures": failures, "failing_since": failing_since}
    if reason:
        values |= {"disabled_at": now, "disabled_reason": reason, "due_at": None}
        await _enter(session, webhook, reason, failures)
    elif held.disabled_at is None:
        values |= {"due_at": _next_due(webhook)}
    statement = update(Webhook).where(Webhook.id == webhook.id).values(**values)
    await session.execute(statement.execution_options(synchronize_session=False))
    return reason


async def renew_secret(session: AsyncSession, webhook: Webhook, secret: str) -> None:
    """Replace the encrypted secret by another encryption of it, unless it was rotated meanwhile."""
    same = update(Webhook).where(Webhook.id == webhook.id, Webhook.secret == webhook.secret)
    await session.execute(same.values(secret=secret).execution_options(synchronize_session=False))


async def _lock(session: AsyncSession, webhook: Webhook) -> Webhook | None:
    """Lock the endpoint and read it again; None if its lease was lost.

    A statement of its own: those after it see every delivery that was written before the lock was taken.
    """
    held = select(Webhook).where(Webhook.id == webhook.id, Webhook.leased_until == webhook.leased_until)
    return await session.scalar(held.with_for_update().execution_options(populate_existing=True))


async def _now(session: AsyncSession) -> datetime:
    return (await session.scalars(select(func.now()))).one()


def _streak(webhook: Webhook, attempts: list[Attempt], now: datetime) -> tuple[int, datetime | None]:
    """The failures since the last success, and when the first of them was. A missing job is not one of them."""
    if any(attempt.error is None for attempt in attempts):
        return 0, None
    failures = webhook.failures + sum(not attempt.permanent for attempt in attempts)
    return failures, (webhook.failing_since or now) if failures else None


def _why_disabled(
    webhook: Webhook, attempts: list[Attempt], failures: int, failing_since: datetime | None, now: datetime
) -> DisabledReason | None:
    """The reason to disable the endpoint; None if it stays enabled."""
    if webhook.disabled_at is not None:
        return None
    if any(attempt.gone for attempt in attempts):
        return DisabledReason.GONE
    failed_long = failing_since is not None and failing_since <= now - FAILING
    return DisabledReason.FAILURES if failed_long and failures >= MAX_FAILURES else None


async def _enter(session: AsyncSession, webhook: Webhook, reason: DisabledReason, failures: int) -> None:
    """Enter the end of an endpoint in the audit log."""
    await audit.record(
        session,
        action=Action.WEBHOOK_DISABLED,
        actor_id=None,
        target=("webhook", webhook.id),
        details={"owner_id": str(webhook.owner_id), "reason": reason, "failures": failures},
    )


def _next_due(webhook: Webhook) -> Any:
    """When the next delivery is due. Null for a disabled account: its endpoints wait for the next event."""
    next_due = select(func.min(WebhookDelivery.available_at)).where(
        WebhookDelivery.webhook_id == webhook.id, WebhookDelivery.state == DeliveryState.PENDING
    )
    active = select(User.id).where(User.id == webhook.owner_id, User.disabled_at.is_(None))
    return case((active.exists(), next_due.scalar_subquery()))


async def _record(session: AsyncSession, attempt: Attempt) -> None:
    """The condition on `attempts` excludes a delivery that its owner has requested again meanwhile."""
    made = attempt.delivery.attempts
    values: dict[str, Any] = {
        "attempts": made + 1,
        "attempted_at": func.now(),
        "response_status": attempt.response_status,
        "error": attempt.error,
        "duration_ms": attempt.duration_ms,
    }
    if attempt.error is None:
        values["state"] = DeliveryState.DELIVERED
    elif attempt.permanent or attempt.gone or made >= len(PAUSES):
        values["state"] = DeliveryState.FAILED
    else:
        values["available_at"] = func.now() + PAUSES[made] * random.uniform(1 - JITTER, 1 + JITTER)
    unchanged = (
        WebhookDelivery.id == attempt.delivery.id,
        WebhookDelivery.state == DeliveryState.PENDING,
        WebhookDelivery.attempts == made,
    )
    statement = update(WebhookDelivery).where(*unchanged).values(**values)
    await session.execute(statement.execution_options(synchronize_session=False))


async def purge(session: AsyncSession, *, limit: int) -> int:
    """Delete deliveries of some time ago, at most `limit`; how many were deleted."""
    # By id, which sorts by time and has an index.
    oldest_kept = first_uuid7(await _now(session) - KEPT)
    old = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.id < oldest_kept)
        .order_by(WebhookDelivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    deleted = delete(WebhookDelivery).where(WebhookDelivery.id.in_(select(old.c.id))).returning(WebhookDelivery.id)
    return len(list(await session.scalars(deleted)))
