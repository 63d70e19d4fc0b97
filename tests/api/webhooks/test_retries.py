"""Failed deliveries: pauses, redelivery, and endpoints that are disabled."""

import pytest

from api.auth.dependencies import Auth
from api.dependencies import Gateway
from api.webhooks.sender import Sender
from tests.api.conftest import ApiUser, Worker
from tests.api.webhooks.conftest import Deliveries, MakeDue, MakeWebhook, execute, finished_job
from tests.api.webhooks.receiver import Receiver


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
