"""Webhooks made through the API, with a real receiver."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select, text

from api.auth.dependencies import Auth
from api.dependencies import Gateway
from api.webhooks.sender import Sender
from db.tables import WebhookDelivery
from tests.api.conftest import ApiUser, Worker
from tests.api.webhooks.receiver import Receiver, run_receiver

EVENTS = ["job.succeeded", "job.failed", "job.canceled"]
MakeWebhook = Callable[..., Awaitable[dict[str, Any]]]
Deliveries = Callable[[], Awaitable[list[WebhookDelivery]]]
MakeDue = Callable[[], Awaitable[None]]


async def execute(gateway: Gateway, statement: str, **values: Any) -> list[Any]:
    async with gateway.sessions.begin() as session:
        result = await session.execute(text(statement), values)
        return list(result.mappings()) if result.returns_rows else []


async def finished_job(worker: Worker, user: ApiUser) -> str:
    await worker.enqueue(user.id)
    lease = await worker.claim()
    await worker.publish(lease)
    return str(lease.job_id)


async def until(found: Callable[[], bool], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not found():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(*loops: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with run_receiver() as running:
        yield running


@pytest.fixture
def sender(gateway: Gateway, auth: Auth) -> Sender:
    return Sender(gateway, auth.keys)


@pytest.fixture
def make_webhook(alice: ApiUser, receiver: Receiver) -> MakeWebhook:
    """A function that makes a webhook of alice for the receiver, and returns the answer with its secret."""

    async def make(user: ApiUser = alice, **body: Any) -> dict[str, Any]:
        response = await user.post("/api/webhooks", json={"url": receiver.url, "events": EVENTS, **body})
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made

    return make


@pytest.fixture
def deliveries(gateway: Gateway) -> Deliveries:
    """All deliveries, oldest first."""

    async def read() -> list[WebhookDelivery]:
        async with gateway.sessions() as session:
            return list(await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))

    return read


@pytest.fixture
def make_due(gateway: Gateway) -> MakeDue:
    """End the pauses between the attempts."""

    async def change() -> None:
        async with gateway.sessions.begin() as session:
            await session.execute(text("UPDATE webhook_deliveries SET available_at = now() WHERE state = 'pending'"))
            await session.execute(text("UPDATE webhooks SET due_at = now() WHERE due_at IS NOT NULL"))

    return change
