"""Webhooks as their owners use them: endpoints, and the log of the deliveries."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import TooManyWebhooks
from db.ids import uuid7
from db.keyset import page_of
from db.tables import DeliveryState, DisabledReason, Webhook, WebhookDelivery, WebhookEvent
from db.webhook_tables import TEST_EVENT

# How long the previous secret signs beside the new one.
OVERLAP: Final = timedelta(hours=24)
_SOONEST: Final = func.least(Webhook.due_at, func.clock_timestamp())


async def create(
    session: AsyncSession,
    *,
    owner_id: UUID,
    url: str,
    events: Iterable[WebhookEvent],
    description: str,
    secret: str,
    webhooks_per_user: int,
) -> Webhook:
    """A new endpoint; `secret` is encrypted. TooManyWebhooks; an advisory lock makes the limit exact."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended('webhooks ' || :user, 0))")
    await session.execute(lock, {"user": str(owner_id)})
    count = await session.scalar(select(func.count()).where(Webhook.owner_id == owner_id))
    if (count or 0) >= webhooks_per_user:
        raise TooManyWebhooks
    row = Webhook(owner_id=owner_id, url=url, events=_in_order(events), description=description, secret=secret)
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def page(
    session: AsyncSession, *, owner_id: UUID, limit: int, after: UUID | None = None, order: str = "desc"
) -> list[Webhook]:
    """The endpoints of the user, the newest first unless `order` is 'asc'; one more than `limit` if there are more."""
    statement = select(Webhook).where(Webhook.owner_id == owner_id)
    return list(await session.scalars(page_of(statement, Webhook.id, limit=limit, after=after, order=order)))


async def get(session: AsyncSession, webhook_id: UUID, *, owner_id: UUID, lock: bool = True) -> Webhook | None:
    """The endpoint, by default locked until the transaction ends."""
    owned = select(Webhook).where(Webhook.id == webhook_id, Webhook.owner_id == owner_id)
    owned = owned.with_for_update() if lock else owned
    return await session.scalar(owned.execution_options(populate_existing=True))


async def change(
    session: AsyncSession,
    webhook: Webhook,
    *,
    url: str | None = None,
    events: Iterable[WebhookEvent] | None = None,
    description: str | None = None,
    enabled: bool | None = None,
) -> Webhook:
    """Change what is given. An endpoint that is enabled again receives what it has not received yet."""
    values: dict[str, Any] = {"url": url, "events": events and _in_order(events), "description": description}
    values = {name: value for name, value in values.items() if value is not None}
    if enabled is True and webhook.disabled_at is not None:
        due_at = select(func.min(WebhookDelivery.available_at)).where(
            WebhookDelivery.webhook_id == webhook.id, WebhookDelivery.state == DeliveryState.PENDING
        )
        values |= {"disabled_at": None, "disabled_reason": None, "due_at": due_at.scalar_subquery()}
        values |= {"failures": 0, "failing_since": None}
    if enabled is False and webhook.disabled_at is None:
        values |= {"disabled_at": func.now(), "disabled_reason": DisabledReason.OWNER, "due_at": None}
    return await _update(session, webhook.id, values) if values else webhook


async def rotate(session: AsyncSession, webhook: Webhook, *, secret: str) -> Webhook:
    """Replace the secret. The one before signs beside it for a day; one that is older signs no more."""
    values = {
        "secret": secret,
        "previous_secret": webhook.secret,
        "previous_secret_until": func.now() + OVERLAP,
    }
    return await _update(session, webhook.id, values)


async def remove(session: AsyncSession, webhook_id: UUID) -> None:
    """Delete an endpoint and its log."""
    await session.execute(delete(Webhook).where(Webhook.id == webhook_id))


async def deliveries(
    session: AsyncSession, webhook_id: UUID, *, limit: int, after: UUID | None = None, order: str = "desc"
) -> list[WebhookDelivery]:
    """The log of an endpoint, the newest first unless `order` is 'asc'; one more than `limit` if there are more."""
    statement = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    return list(await session.scalars(page_of(statement, WebhookDelivery.id, limit=limit, after=after, order=order)))


async def add_test(session: AsyncSession, webhook: Webhook) -> WebhookDelivery:
    """A delivery without an event, due at once."""
    row = WebhookDelivery(id=uuid7(), webhook_id=webhook.id, type=TEST_EVENT)
    session.add(row)
    await session.flush()
    await session.refresh(row)
    await _update(session, webhook.id, {"due_at": _SOONEST})
    return row


async def redeliver(session: AsyncSession, webhook: Webhook, delivery_id: UUID) -> WebhookDelivery | None:
    """Send a delivery again, with the same id and all of its attempts. None if there is no such delivery."""
    row = await session.scalar(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == delivery_id, WebhookDelivery.webhook_id == webhook.id)
        .values(state=DeliveryState.PENDING, attempts=0, available_at=func.now())
        .returning(WebhookDelivery)
        .execution_options(synchronize_session=False)
    )
    if row is not None:
        await _update(session, webhook.id, {"due_at": _SOONEST})
    return row


async def _update(session: AsyncSession, webhook_id: UUID, values: dict[str, Any]) -> Webhook:
    statement = update(Webhook).where(Webhook.id == webhook_id).values(**values).returning(Webhook)
    options = {"synchronize_session": False, "populate_existing": True}
    return (await session.scalars(statement.execution_options(**options))).one()


def _in_order(events: Iterable[WebhookEvent]) -> list[str]:
    chosen = set(events)
    return [event for event in WebhookEvent if event in chosen]
