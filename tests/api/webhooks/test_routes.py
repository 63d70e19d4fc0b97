"""Endpoints and their logs over HTTP."""

import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from api.dependencies import Gateway
from api.webhooks import dependencies, routes
from api.webhooks.sender import Sender
from db.tables import WebhookDelivery
from tests.api.conftest import ApiUser, Worker
from tests.api.keys.conftest import key_of
from tests.api.webhooks.conftest import EVENTS, MakeWebhook
from tests.api.webhooks.receiver import Receiver

Deliveries = Callable[[], Awaitable[list[WebhookDelivery]]]
URL = "https://hooks.example.org/auraanim"
BODY = {"url": URL, "events": EVENTS}


async def rows(gateway: Gateway, statement: str) -> list[Any]:
    async with gateway.sessions() as session:
        return list((await session.execute(text(statement))).mappings())


async def test_a_secret_is_shown_once_and_stored_encrypted(alice: ApiUser, gateway: Gateway) -> None:
    response = await alice.post("/api/webhooks", json={**BODY, "description": "render  farm"})
    assert response.status_code == 201
    made = response.json()
    assert made["secret"].startswith("whsec_")
    assert (made["url"], made["events"], made["description"], made["enabled"]) == (URL, EVENTS, "render farm", True)
    (listed,) = (await alice.get("/api/webhooks")).json()["data"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    (row,) = await rows(gateway, "SELECT * FROM webhooks")
    assert made["secret"][6:] not in str(dict(row))


@pytest.mark.parametrize(
    "changed",
    [
        {"url": ""}, {"url": None}, {"url": "x" * 2001}, {"events": []}, {"events": ["job.started"]},
        {"events": ["job.failed", "job.failed"]}, {"events": "job.failed"}, {"description": "x" * 101},
        {"description": "\x00"}, {"secret": "whsec_x"}, {"enabled": False},
    ],
)  # fmt: skip
async def test_an_invalid_body_is_refused(alice: ApiUser, changed: dict[str, object]) -> None:
    response = await alice.post("/api/webhooks", json=BODY | changed)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "https://10.0.0.1/", "http://hooks.example.org/", "https://x"])
async def test_a_url_that_leads_inside_is_refused_when_it_is_made_and_when_it_is_changed(
    alice: ApiUser, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(gateway.settings, "aura_env", "production")
    refused = await alice.post("/api/webhooks", json=BODY | {"url": url})
    assert (refused.status_code, refused.json()["code"]) == (422, "webhook_url_refused")
    assert refused.json()["errors"][0]["pointer"] == "/url"
    made = (await alice.post("/api/webhooks", json=BODY)).json()
    refused = await alice.request("PATCH", f"/api/webhooks/{made['id']}", json={"url": url})
    assert (refused.status_code, refused.json()["code"]) == (422, "webhook_url_refused")
    assert [one["url"] for one in (await alice.get("/api/webhooks")).json()["data"]] == [URL]


async def test_an_account_has_ten_webhooks(alice: ApiUser, bob: ApiUser, make_webhook: MakeWebhook) -> None:
    made = [await make_webhook() for _ in range(routes.WEBHOOKS_PER_USER)]
    assert len(made) == 10
    refused = await alice.post("/api/webhooks", json=BODY)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_webhooks")
    await make_webhook(bob)
    assert (await alice.request("DELETE", f"/api/webhooks/{made[0]['id']}")).status_code == 204
    await make_webhook()


async def test_changes_keep_what_they_do_not_name(alice: ApiUser, make_webhook: MakeWebhook) -> None:
    made = await make_webhook(description="first")
    path = f"/api/webhooks/{made['id']}"
    changed = (await alice.request("PATCH", path, json={"events": ["video.hidden", "job.failed"]})).json()
    assert (changed["events"], changed["url"], changed["description"]) == (
        ["job.failed", "video.hidden"], made["url"], "first",
    )  # fmt: skip
    changed = (await alice.request("PATCH", path, json={"url": URL, "description": ""})).json()
    assert (changed["url"], changed["description"], changed["events"]) == (URL, "", ["job.failed", "video.hidden"])
    same = await alice.request("PATCH", path, json={})
    assert same.json() == changed


async def test_a_disabled_webhook_is_sent_nothing_until_it_is_enabled(
    alice: ApiUser, worker: Worker, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    made = await make_webhook()
    path = f"/api/webhooks/{made['id']}"
    await worker.enqueue(alice.id)
    await worker.fail(await worker.claim())  # waits for its first attempt
    disabled = (await alice.request("PATCH", path, json={"enabled": False})).json()
    assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "owner")
    await worker.enqueue(alice.id)
    await worker.fail(await worker.claim())  # no delivery is written
    assert not await sender.send_next()
    for action in ("test", f"deliveries/{uuid4()}/redeliver"):
        refused = await alice.post(f"{path}/{action}")
        assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")
    assert (await alice.request("PATCH", path, json={"enabled": True})).json()["enabled"] is True
    assert [await sender.send_next() for _ in range(2)] == [True, False]
    assert len(receiver.messages) == 1


async def test_lists_are_paged_by_id(alice: ApiUser, sender: Sender, make_webhook: MakeWebhook) -> None:
    made = [(await make_webhook())["id"] for _ in range(3)]
    path = f"/api/webhooks/{made[0]}"
    tests = [(await alice.post(f"{path}/test")).json()["id"] for _ in range(3)]
    for listed, ids in (("/api/webhooks", made), (f"{path}/deliveries", tests)):
        first = (await alice.get(f"{listed}?limit=2")).json()
        assert ([one["id"] for one in first["data"]], first["has_more"]) == (ids[:0:-1], True)
        second = (await alice.get(f"{listed}?limit=2&after={first['last_id']}")).json()
        assert ([one["id"] for one in second["data"]], second["has_more"]) == (ids[:1], False)
        assert [one["id"] for one in (await alice.get(f"{listed}?order=asc")).json()["data"]] == ids
        assert (await alice.get(f"{listed}?limit=101")).status_code == 422


async def test_the_log_shows_the_last_attempt(
    alice: ApiUser, sender: Sender, receiver: Receiver, make_webhook: MakeWebhook
) -> None:
    path = f"/api/webhooks/{(await make_webhook())['id']}"
    pending = (await alice.post(f"{path}/test")).json()
    assert (pending["type"], pending["state"], pending["attempts"]) == ("webhook.test", "pending", 0)
    assert pending["next_attempt_at"] == pending["created_at"]
    receiver.statuses = [404]
    assert await sender.send_next()
    (failed,) = (await alice.get(f"{path}/deliveries")).json()["data"]
    assert (failed["state"], failed["attempts"], failed["response_status"]) == ("pending", 1, 404)
    assert failed["next_attempt_at"] > failed["attempted_at"]
    assert (await alice.post(f"{path}/deliveries/{failed['id']}/redeliver")).status_code == 202
    assert await sender.send_next()
    (delivered,) = (await alice.get(f"{path}/deliveries")).json()["data"]
    assert (delivered["state"], delivered["response_status"], delivered["error"]) == ("delivered", 204, None)
    assert delivered["next_attempt_at"] is None
    assert delivered["duration_ms"] >= 0


async def test_foreign_and_missing_webhooks_are_indistinguishable(
    alice: ApiUser, bob: ApiUser, make_webhook: MakeWebhook, deliveries: Deliveries
) -> None:
    made = await make_webhook()
    test = (await alice.post(f"/api/webhooks/{made['id']}/test")).json()
    own = await make_webhook(bob)
    before = (await alice.get(f"/api/webhooks/{made['id']}/deliveries")).json()

    async def call(webhook_id: str, delivery_id: str) -> list[Any]:
        path = f"/api/webhooks/{webhook_id}"
        return [
            await bob.request("PATCH", path, json={"enabled": False}),
            await bob.request("DELETE", path),
            await bob.post(f"{path}/rotate-secret"),
            await bob.post(f"{path}/test"),
            await bob.get(f"{path}/deliveries"),
            await bob.post(f"{path}/deliveries/{delivery_id}/redeliver"),
        ]

    foreign, missing = await call(made["id"], test["id"]), await call(str(uuid4()), str(uuid4()))
    assert {one.status_code for one in foreign + missing} == {404}
    assert [{**one.json(), "request_id": 0} for one in foreign] == [{**one.json(), "request_id": 0} for one in missing]
    other = await bob.post(f"/api/webhooks/{own['id']}/deliveries/{test['id']}/redeliver")
    assert other.status_code == 404
    assert (await alice.get(f"/api/webhooks/{made['id']}/deliveries")).json() == before


async def test_a_key_needs_the_scope_of_what_the_webhook_reads(alice: ApiUser) -> None:
    """A key that may only submit jobs must not receive their results."""
    reading, writing = await key_of(alice, "jobs:read"), await key_of(alice, "jobs:write")
    both = await key_of(alice, "jobs:read", "jobs:write")
    for key in (reading, writing):
        refused = await key.post("/api/webhooks", json=BODY)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_required")
    assert (await both.post("/api/webhooks", json=BODY)).status_code == 201
    assert (await reading.get("/api/webhooks")).status_code == 200
    assert (await writing.get("/api/webhooks")).status_code == 403


async def test_changes_are_audited_without_the_url_and_the_secret(
    alice: ApiUser, gateway: Gateway, make_webhook: MakeWebhook
) -> None:
    made = await make_webhook()
    path = f"/api/webhooks/{made['id']}"
    await alice.request("PATCH", path, json={"enabled": False})
    rotated = (await alice.post(f"{path}/rotate-secret")).json()
    await alice.request("DELETE", path)
    entries = await rows(gateway, "SELECT * FROM audit_log ORDER BY id")
    assert [entry["action"] for entry in entries] == [
        "webhook_created", "webhook_changed", "webhook_secret_rotated", "webhook_deleted",
    ]  # fmt: skip
    assert {(entry["actor_id"], str(entry["target_id"])) for entry in entries} == {(alice.id, made["id"])}
    for entry in entries:
        for hidden in ("token=x", made["secret"], rotated["secret"]):
            assert hidden not in str(dict(entry))
    assert await rows(gateway, "SELECT * FROM webhook_deliveries") == []


async def test_the_owner_receives_a_mail(alice: ApiUser, gateway: Gateway, make_webhook: MakeWebhook) -> None:
    """With a stolen session or key, an attacker could add a webhook that outlives both."""
    made = await make_webhook()
    (mail,) = await rows(gateway, "SELECT subject, body FROM mails")
    assert mail["subject"] == "A webhook was added"
    assert made["url"] in mail["body"]
    assert made["secret"] not in mail["body"]


async def test_the_export_has_the_webhooks_without_their_secrets(
    alice: ApiUser, gateway: Gateway, make_webhook: MakeWebhook
) -> None:
    await make_webhook()
    (row,) = await rows(gateway, "SELECT secret FROM webhooks")
    archive = zipfile.ZipFile(io.BytesIO((await alice.get("/api/me/export")).content))
    account = archive.read("account.json").decode()
    assert [one["events"] for one in json.loads(account)["webhooks"]] == [EVENTS]
    assert row["secret"] not in account


async def test_requests_are_limited(alice: ApiUser, make_webhook: MakeWebhook, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await make_webhook()
    monkeypatch.setattr(dependencies, "REQUESTED_PER_MINUTE", 2)
    answers = [await alice.post(f"/api/webhooks/{made['id']}/test") for _ in range(3)]
    assert [one.status_code for one in answers] == [202, 202, 429]
    monkeypatch.setattr(dependencies, "CHANGES_PER_MINUTE", 1)
    answers = [await alice.post("/api/webhooks", json=BODY) for _ in range(3)]
    assert answers[-1].status_code == 429
