"""Deliveries from an event to a verified signature, with a real receiver."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from standardwebhooks import WebhookVerificationError

from api.auth.dependencies import Auth
from api.auth.keys import KeyRing
from api.dependencies import Gateway
from api.webhooks import http, sender
from api.webhooks.destinations import Destination
from api.webhooks.sender import Sender
from db import webhook_queue
from db.jobs import queries as jobs
from db.storage.local import LocalStorage
from db.tables import WebhookDelivery
from pipeline.worker.dispatcher import Dispatcher
from tests.api.conftest import ApiUser, Worker
from tests.api.public_videos import make_video
from tests.api.webhooks.conftest import MakeWebhook
from tests.api.webhooks.receiver import Receiver, run_receiver
from tests.pipeline.worker.conftest import SETTINGS, InProcessCluster

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
async def running(*loops: Any) -> Any:
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_from_the_prompt_to_a_verified_signature(
    alice: ApiUser,
    gateway: Gateway,
    sender: Sender,
    receiver: Receiver,
    make_webhook: MakeWebhook,
    deliveries: Deliveries,
) -> None:
    """A job is submitted over HTTP, a dispatcher runs its stages, and the loop of the gateway calls the receiver."""
    webhook = await make_webhook()
    assert isinstance(gateway.storage, LocalStorage)
    cluster = InProcessCluster(gateway.storage)
    cluster.release.set()
    dispatcher = Dispatcher(
        owner="dispatcher", sessions=gateway.sessions, storage=gateway.storage, cluster=cluster,
        settings=SETTINGS, database_url=gateway.settings.database_url,
    )  # fmt: skip
    async with running(dispatcher.run(asyncio.Event()), sender.run()):
        job_id = await alice.generate()
        await until(lambda: len(receiver.messages) == 1)
        (message,) = receiver.messages
        received = message.verified(webhook["secret"])
        async with asyncio.timeout(15):
            while (await deliveries())[0].state == "pending":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert (await alice.get(f"/api/status/{job_id}")).json() == {
            name: value for name, value in received["data"].items() if name != "result"
        }
    assert message.path == "/hook?token=x"
    assert message.headers["content-type"] == "application/json"
    assert received["type"] == "job.succeeded"
    assert abs(datetime.fromisoformat(received["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=1)
    result = (await alice.get(f"/api/result/{job_id}", headers={"accept": "application/json"})).json()
    assert received["data"]["result"].keys() == result.keys()
    link = received["data"]["result"]["url"]
    assert (await alice.http.get(link)).content == b"a video"
    (delivery,) = await deliveries()
    assert (message.id, delivery.state, delivery.attempts) == (str(delivery.id), "delivered", 1)
    assert (delivery.response_status, delivery.error) == (204, None)


async def test_failed_and_canceled_jobs_are_delivered_and_other_events_are_not(
    alice: ApiUser, gateway: Gateway, worker: Worker, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    webhook = await make_webhook(events=["job.failed", "job.canceled"])
    await worker.enqueue(alice.id)
    await worker.fail(await worker.claim())
    canceled = await worker.enqueue(alice.id)
    async with gateway.sessions.begin() as session:
        await jobs.request_cancel(session, canceled.id, owner_id=alice.id)
    await finished_job(worker, alice)
    assert [await sender.send_next() for _ in range(2)] == [True, False]
    received = [message.verified(webhook["secret"]) for message in receiver.messages]
    assert {one["type"] for one in received} == {"job.failed", "job.canceled"}
    failed = next(one for one in received if one["type"] == "job.failed")
    assert failed["data"]["error"]["code"] == "stage_failed"
    assert failed["data"]["result"] is None


async def test_decisions_of_moderators_are_delivered(
    alice: ApiUser, gateway: Gateway, worker: Worker, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    webhook = await make_webhook(events=["video.hidden", "video.restored"])
    video_id = await make_video(worker, alice)
    hide = "UPDATE videos SET moderation_state = :state, moderation_reason = 'spam', moderated_at = now()"
    await execute(gateway, hide, state="hidden")
    assert await sender.send_next()
    await execute(gateway, hide, state="visible")
    assert await sender.send_next()
    received = [message.verified(webhook["secret"]) for message in receiver.messages]
    assert [one["type"] for one in received] == ["video.hidden", "video.restored"]
    assert received[0]["data"]["video_id"] == str(video_id)
    assert received[0]["data"]["moderation"]["reason"] == "spam"


async def test_a_job_of_another_user_calls_nobody(
    bob: ApiUser, worker: Worker, sender: Sender, make_webhook: MakeWebhook, deliveries: Deliveries
) -> None:
    await make_webhook()
    await finished_job(worker, bob)
    assert not await sender.send_next()
    assert await deliveries() == []


async def test_a_failed_delivery_is_repeated_with_pauses_over_a_day_and_given_up(
    alice: ApiUser,
    worker: Worker,
    sender: Sender,
    receiver: Receiver,
    make_webhook: MakeWebhook,
    deliveries: Deliveries,
    make_due: MakeDue,
) -> None:
    webhook = await make_webhook()
    await finished_job(worker, alice)
    receiver.status = 500
    pauses = []
    for _ in range(8):
        assert await sender.send_next()
        assert not await sender.send_next(), "the pause was skipped"
        (delivery,) = await deliveries()
        assert delivery.attempted_at is not None
        pauses.append((delivery.available_at - delivery.attempted_at).total_seconds())
        await make_due()
    expected = [5, 300, 1800, 7200, 18_000, 36_000, 50_400]
    assert all(0.8 * mean <= pause <= 1.2 * mean for pause, mean in zip(pauses[:7], expected, strict=True)), pauses
    assert not await sender.send_next()
    assert (delivery.state, delivery.attempts, delivery.response_status) == ("failed", 8, 500)
    assert delivery.error == "the answer was 500"
    # The same id and a signature of its own for each attempt.
    assert {message.id for message in receiver.messages} == {str(delivery.id)}
    assert len(receiver.messages) == 8
    assert all(message.verified(webhook["secret"]) for message in receiver.messages)


async def test_410_disables_the_endpoint(
    alice: ApiUser, gateway: Gateway, worker: Worker, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    webhook = await make_webhook()
    await finished_job(worker, alice)
    receiver.status = 410
    assert await sender.send_next()
    (shown,) = (await alice.get("/api/webhooks")).json()["data"]
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "gone")
    await finished_job(worker, alice)
    assert not await sender.send_next()
    assert len(receiver.messages) == 1
    (entry,) = await execute(gateway, "SELECT * FROM audit_log WHERE action = 'webhook_disabled'")
    assert (str(entry["target_id"]), entry["actor_id"], entry["details"]["reason"]) == (webhook["id"], None, "gone")
    (mail,) = await execute(gateway, "SELECT * FROM mails WHERE subject = 'A webhook was disabled'")
    assert receiver.url in mail["body"]


async def test_an_endpoint_that_fails_for_days_is_disabled_and_can_be_enabled_again(
    alice: ApiUser,
    gateway: Gateway,
    worker: Worker,
    sender: Sender,
    receiver: Receiver,
    make_webhook: MakeWebhook,
    make_due: MakeDue,
) -> None:
    webhook = await make_webhook()
    receiver.status = 503
    for _ in range(3):
        await finished_job(worker, alice)
    for _ in range(3):
        assert await sender.send_next()
        await make_due()
    (shown,) = (await alice.get("/api/webhooks")).json()["data"]
    assert (shown["enabled"], shown["failures"]) == (True, 9)
    await execute(gateway, "UPDATE webhooks SET failing_since = now() - interval '3 days'")
    assert await sender.send_next()
    (shown,) = (await alice.get("/api/webhooks")).json()["data"]
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "failures")
    receiver.status, receiver.messages = 200, []
    enabled = await alice.request("PATCH", f"/api/webhooks/{webhook['id']}", json={"enabled": True})
    assert (enabled.json()["failures"], enabled.json()["disabled_reason"]) == (0, None)
    await make_due()
    assert await sender.send_next()
    assert len(receiver.messages) == 3


async def test_many_failures_within_a_short_time_disable_nothing(
    alice: ApiUser, worker: Worker, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    await make_webhook()
    receiver.status = 503
    for _ in range(15):
        await finished_job(worker, alice)
    while await sender.send_next():
        pass
    (shown,) = (await alice.get("/api/webhooks")).json()["data"]
    assert (shown["enabled"], shown["failures"]) == (True, 15)
    receiver.status = 200
    await finished_job(worker, alice)
    assert await sender.send_next()
    (shown,) = (await alice.get("/api/webhooks")).json()["data"]
    assert (shown["failures"], shown["failing_since"]) == (0, None)


async def test_both_secrets_sign_for_a_day_after_a_rotation(
    alice: ApiUser, gateway: Gateway, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    webhook = await make_webhook()
    rotated = (await alice.post(f"/api/webhooks/{webhook['id']}/rotate-secret")).json()
    old, new = webhook["secret"], rotated["secret"]
    until = datetime.fromisoformat(rotated["previous_secret_until"])
    assert abs(until - datetime.now(UTC) - timedelta(hours=24)) < timedelta(minutes=1)

    async def send_test() -> Any:
        assert (await alice.post(f"/api/webhooks/{webhook['id']}/test")).status_code == 202
        assert await sender.send_next()
        return receiver.messages[-1]

    message = await send_test()
    assert message.verified(old) == message.verified(new)
    assert message.verified(new)["type"] == "webhook.test"
    await execute(gateway, "UPDATE webhooks SET previous_secret_until = now()")
    message = await send_test()
    assert message.verified(new)
    with pytest.raises(WebhookVerificationError):
        message.verified(old)


async def test_a_message_is_sent_again_on_request_with_the_same_id(
    alice: ApiUser,
    worker: Worker,
    sender: Sender,
    receiver: Receiver,
    make_webhook: MakeWebhook,
    deliveries: Deliveries,
) -> None:
    webhook = await make_webhook()
    await finished_job(worker, alice)
    assert await sender.send_next()
    (delivery,) = await deliveries()
    path = f"/api/webhooks/{webhook['id']}/deliveries/{delivery.id}/redeliver"
    again = await alice.post(path)
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (202, "pending", 0)
    assert [await sender.send_next() for _ in range(2)] == [True, False]
    first, second = receiver.messages
    assert first.id == second.id
    assert second.verified(webhook["secret"])["data"]["job_id"] == str(delivery.subject_id)


async def test_a_slow_receiver_holds_up_nobody_else(
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


async def test_a_job_that_was_purged_is_given_up_without_a_failure_of_the_endpoint(
    alice: ApiUser,
    gateway: Gateway,
    worker: Worker,
    sender: Sender,
    receiver: Receiver,
    make_webhook: MakeWebhook,
    deliveries: Deliveries,
) -> None:
    await make_webhook()
    await finished_job(worker, alice)
    await execute(gateway, "DELETE FROM jobs")
    assert [await sender.send_next() for _ in range(2)] == [True, False]
    (delivery,) = await deliveries()
    assert (delivery.state, delivery.error) == ("failed", "the job or the video does not exist any more")
    assert (await alice.get("/api/webhooks")).json()["data"][0]["failures"] == 0
    assert receiver.messages == []


async def test_a_disabled_account_calls_nobody(
    alice: ApiUser, gateway: Gateway, worker: Worker, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    await make_webhook()
    await finished_job(worker, alice)
    await execute(gateway, "UPDATE users SET disabled_at = now()")
    assert [await sender.send_next() for _ in range(2)] == [True, False]
    assert receiver.messages == []


async def test_secrets_are_encrypted_again_during_a_rotation_of_the_key(
    alice: ApiUser, gateway: Gateway, worker: Worker, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    webhook = await make_webhook()
    (before,) = await execute(gateway, "SELECT secret FROM webhooks")
    assert webhook["secret"][6:] not in before["secret"]
    new, old = SecretStr("the next key of the tests, long enough"), gateway.settings.secret_key
    await finished_job(worker, alice)
    assert await Sender(gateway, KeyRing.of(new, old)).send_next()
    await finished_job(worker, alice)
    assert await Sender(gateway, KeyRing.of(new, SecretStr(""))).send_next()
    assert all(message.verified(webhook["secret"]) for message in receiver.messages)
    assert len(receiver.messages) == 2
    await finished_job(worker, alice)
    assert await sender.send_next()  # with the key before: the secret cannot be read
    assert len(receiver.messages) == 2
    (log,) = (await alice.get(f"/api/webhooks/{webhook['id']}/deliveries?limit=1")).json()["data"]
    assert log["error"] == "the secret cannot be read any more: rotate it"


async def test_a_redirect_and_a_refused_destination_are_failures(
    alice: ApiUser,
    gateway: Gateway,
    auth: Auth,
    worker: Worker,
    sender: Sender,
    receiver: Receiver,
    make_webhook: MakeWebhook,
    deliveries: Deliveries,
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await make_webhook()
    await finished_job(worker, alice)
    receiver.statuses = [302]
    assert await sender.send_next()
    assert (await deliveries())[0].error == "the answer was 302"
    # The same webhook at a gateway in production.
    monkeypatch.setattr(gateway.settings, "aura_env", "production")
    await make_due()
    assert await Sender(gateway, auth.keys).send_next()
    assert (await deliveries())[0].error == "the destination must begin with https://"
    assert len(receiver.messages) == 1


async def test_the_lease_is_longer_than_a_batch() -> None:
    assert webhook_queue.LEASE_SECONDS > 3 * http.REQUEST_SECONDS
    assert sender.ENDPOINTS * webhook_queue.BATCH <= 200
