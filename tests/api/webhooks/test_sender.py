"""The loop that sends: leases, batches, slow receivers, and failures of the gateway itself."""

import asyncio
import time
from typing import Any

import pytest

from api.auth.dependencies import Auth
from api.dependencies import Gateway
from api.webhooks import http, sender
from api.webhooks.destinations import Destination
from api.webhooks.sender import Sender
from db import webhook_queue
from tests.api.conftest import ApiUser, Worker
from tests.api.webhooks.conftest import MakeWebhook, execute, finished_job, running, until
from tests.api.webhooks.receiver import Receiver, run_receiver


async def test_a_slow_receiver_does_not_delay_others(
    alice: ApiUser,
    bob: ApiUser,
    worker: Worker,
    sender: Sender,
    receiver: Receiver,
    make_webhook: MakeWebhook,
) -> None:
    await make_webhook()
    receiver.delay = 8
    for _ in range(12):
        await finished_job(worker, alice)
    with run_receiver() as quick:
        async with running(sender.run()):
            await until(lambda: receiver.open > 0)
            await make_webhook(bob, url=quick.url)
            await finished_job(worker, bob)
            started = time.monotonic()
            await until(lambda: len(quick.messages) == 1)
            waited = time.monotonic() - started
            assert len(receiver.messages) == 5, "the slow receiver is still busy with its first batch"
        assert waited < 7, "the other receiver waited for the slow one"
    assert receiver.most_open == 5


async def test_two_gateways_send_to_an_endpoint_one_after_the_other(
    alice: ApiUser,
    gateway: Gateway,
    auth: Auth,
    worker: Worker,
    receiver: Receiver,
    make_webhook: MakeWebhook,
) -> None:
    await make_webhook()
    receiver.delay = 0.3
    for _ in range(8):
        await finished_job(worker, alice)
    async with running(Sender(gateway, auth.keys).run(), Sender(gateway, auth.keys).run()):
        await until(lambda: len(receiver.messages) == 8 and receiver.open == 0)
        await asyncio.sleep(0.2)
    assert len({message.id for message in receiver.messages}) == len(receiver.messages) == 8
    assert receiver.most_open == 5


async def test_a_gateway_that_stops_returns_the_lease(
    alice: ApiUser, gateway: Gateway, worker: Worker, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    await make_webhook()
    receiver.delay = 1.0
    await finished_job(worker, alice)
    async with running(sender.run()):
        await until(lambda: receiver.open == 1)
    (row,) = await execute(gateway, "SELECT * FROM webhooks")
    assert row["leased_until"] is None
    receiver.delay = 0
    assert await sender.send_next()
    first, second = receiver.messages
    assert first.id == second.id


async def test_the_loop_survives_a_database_that_is_away(
    alice: ApiUser,
    worker: Worker,
    sender: Sender,
    receiver: Receiver,
    make_webhook: MakeWebhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await make_webhook()
    await finished_job(worker, alice)
    original, failures = Sender._claim, [ConnectionError(), OSError()]

    async def claim(self: Sender) -> Any:
        if failures:
            raise failures.pop()
        return await original(self)

    monkeypatch.setattr(Sender, "_claim", claim)
    monkeypatch.setattr("api.webhooks.sender.POLL_SECONDS", 0.01)
    async with running(sender.run()):
        await until(lambda: len(receiver.messages) == 1)


async def test_an_unexpected_error_is_logged_and_its_batch_waits_for_the_end_of_the_lease(
    alice: ApiUser,
    gateway: Gateway,
    auth: Auth,
    worker: Worker,
    make_webhook: MakeWebhook,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await make_webhook()
    await finished_job(worker, alice)
    calls = []

    async def post(destination: Destination, headers: object, body: bytes) -> int:
        calls.append(destination)
        raise RuntimeError("a defect")

    broken = Sender(gateway, auth.keys, post)
    async with running(broken.run()):
        await until(lambda: bool(calls))
        await asyncio.sleep(1.5)
    assert len(calls) == 1
    assert "webhook was not sent, retrying" in capsys.readouterr().out


async def test_the_lease_is_longer_than_a_batch() -> None:
    assert webhook_queue.LEASE_SECONDS > 3 * http.REQUEST_SECONDS
    assert sender.ENDPOINTS * webhook_queue.BATCH <= 200
