"""Endpoints and their deliveries, for the tests of triggers, leases and plans."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from db import webhook_queue, webhooks
from db.tables import Webhook, WebhookDelivery, WebhookEvent
from db.webhook_queue import Attempt, Batch
from tests.conftest import Sessions
from tests.db.conftest import Call

ENDED = [WebhookEvent.JOB_SUCCEEDED, WebhookEvent.JOB_FAILED, WebhookEvent.JOB_CANCELED]


async def add(call: Call, owner: UUID, *events: WebhookEvent, **values: Any) -> Webhook:
    options = {"url": "https://x.example/", "description": "", "secret": "x", "webhooks_per_user": 10, **values}
    made: Webhook = await call(webhooks.create, owner_id=owner, events=events or ENDED, **options)
    return made


async def written(sessions: Sessions) -> list[WebhookDelivery]:
    async with sessions() as session:
        return list(await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


async def execute(sessions: Sessions, statement: str, **values: Any) -> None:
    async with sessions.begin() as session:
        await session.execute(text(statement), values)


async def claim(call: Call) -> Batch:
    batch = await call(webhook_queue.claim)
    assert batch is not None
    return batch  # type: ignore[no-any-return]


def delivered(batch: Batch) -> list[Attempt]:
    return [Attempt(one, 200, None, 5) for one in batch.deliveries]


def failed(batch: Batch) -> list[Attempt]:
    return [Attempt(one, 500, "the answer was 500", 5) for one in batch.deliveries]
