"""Two secrets sign during a rotation, and secrets are stored encrypted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import WebhookVerificationError

from api.auth.keys import KeyRing
from api.dependencies import Gateway
from api.webhooks.sender import Sender
from tests.api.conftest import ApiUser, Worker
from tests.api.webhooks.conftest import MakeWebhook, execute, finished_job
from tests.api.webhooks.receiver import Receiver


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
