"""API keys on every route that names a scope: over HTTP, WebSocket and server-sent events."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from api.auth.dependencies import Auth
from api.dependencies import Gateway
from api.request_slots import client_key
from db.direct import Direct
from db.tables import Scope
from tests.api.conftest import SPEC, ApiUser, Server, StartServer, Worker
from tests.api.events.reader import open_reader
from tests.api.keys.conftest import MakeKey, change, rows

LIMIT_SECONDS = 6.0


async def test_a_key_works_where_its_scope_is_named(make_key: MakeKey, worker: Worker) -> None:
    reader, writer = await make_key("jobs:read"), await make_key("jobs:write")
    submitted = await writer.post("/api/generate", json=SPEC)
    assert submitted.status_code == 201
    job_id = submitted.json()["job_id"]
    for path in (f"/api/status/{job_id}", "/api/jobs", "/api/models", "/api/styles"):
        assert (await reader.get(path)).status_code == 200, path
        refused = await writer.get(path)
        assert (refused.status_code, refused.json()["code"], refused.json()["scope"]) == (
            403, "scope_required", "jobs:read",
        )  # fmt: skip
    await worker.publish(await worker.claim())
    assert (await reader.get(f"/api/result/{job_id}", headers={"Accept": "application/json"})).status_code == 200
    assert (await reader.post("/api/generate", json=SPEC)).json()["scope"] == "jobs:write"
    assert (await reader.post(f"/api/jobs/{job_id}/cancel")).json()["scope"] == "jobs:write"


async def test_a_route_without_a_scope_refuses_keys(make_key: MakeKey) -> None:
    key = await make_key(*(scope for scope in Scope if scope is not Scope.ADMIN))
    for method, path in (
        ("GET", "/api/me"), ("DELETE", "/api/me/sessions"), ("GET", "/api/me/sessions"), ("GET", "/api/me/export"),
        ("GET", "/api/keys"), ("POST", "/api/keys"), ("DELETE", f"/api/keys/{key.session_id}"),
    ):  # fmt: skip
        body = {"name": "x", "scopes": ["jobs:read"]} if method == "POST" else None
        refused = await key.request(method, path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "session_required"), path
    confirmed = await key.post("/api/me/password", json={"current_password": "x", "new_password": "y" * 20})
    assert confirmed.json()["code"] == "session_required"


async def test_a_foreign_job_is_not_found_with_a_key(make_key: MakeKey, bob: ApiUser) -> None:
    key = await make_key("jobs:read", "jobs:write")
    foreign = await bob.generate()
    assert (await key.get(f"/api/status/{foreign}")).json()["code"] == "not_found"
    assert (await key.post(f"/api/jobs/{foreign}/cancel")).json()["code"] == "not_found"
    assert (await bob.request("DELETE", f"/api/keys/{key.session_id}")).json()["code"] == "not_found"


ENDED = {
    "revoked": "UPDATE api_keys SET revoked_at = now()",
    "expired": "UPDATE api_keys SET expires_at = now()",
    "deleted": "DELETE FROM api_keys",
    "disabled": "UPDATE users SET disabled_at = now()",
}


@pytest.mark.parametrize("ended", ENDED)
async def test_an_ended_key_is_refused(make_key: MakeKey, gateway: Gateway, ended: str) -> None:
    key = await make_key("jobs:read", "jobs:write")
    job_id = await key.generate()
    await change(gateway, ENDED[ended])
    for answer in (
        await key.get("/api/jobs"),
        await key.get(f"/api/status/{job_id}"),
        await key.post("/api/ws/ticket"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["aura_sk_", "aura_sk_" + "a" * 49, "aura_sk_é", "sk-1234"])
async def test_what_is_no_key_is_refused(client: httpx.AsyncClient, token: str) -> None:
    response = await client.get("/api/jobs", headers=[(b"Authorization", f"Bearer {token}".encode())])
    assert (response.status_code, response.json()["code"]) == (401, "token_refused")


async def test_the_status_is_one_statement_with_a_key_too(
    make_key: MakeKey, worker: Worker, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await make_key("jobs:read", "jobs:write")
    await key.generate()
    lease = await worker.claim()
    read, reads, in_sessions = Direct.read, list[Any](), list[str]()
    monkeypatch.setattr(Direct, "read", lambda *arguments: reads.append(arguments) or read(*arguments))
    event.listen(gateway.engine.sync_engine, "before_cursor_execute", lambda *seen: in_sessions.append(seen[2]))
    assert (await key.get(f"/api/status/{lease.job_id}")).json()["status"] == "running"
    assert (len(reads), in_sessions) == (1, [])


async def test_the_last_use_is_written_at_most_once_a_minute(
    make_key: MakeKey, alice: ApiUser, auth: Auth, gateway: Gateway
) -> None:
    key = await make_key("jobs:read")
    assert (await alice.get("/api/keys")).json()["data"][0]["last_used_at"] is None
    for _ in range(3):
        await key.get("/api/jobs")
    written: list[str] = []
    event.listen(gateway.engine.sync_engine, "before_cursor_execute", lambda *seen: written.append(seen[2]))
    await auth.api_keys.record_uses()
    assert len([statement for statement in written if "UPDATE" in statement]) == 1
    first = (await alice.get("/api/keys")).json()["data"][0]["last_used_at"]
    assert first is not None
    written.clear()
    await key.get("/api/jobs")
    await auth.api_keys.record_uses()
    assert not [statement for statement in written if "UPDATE" in statement]
    await change(gateway, "UPDATE api_keys SET last_used_at = now() - interval '61 seconds'")
    await key.get("/api/jobs")
    await auth.api_keys.record_uses()
    assert (await alice.get("/api/keys")).json()["data"][0]["last_used_at"] > first


async def test_a_running_gateway_records_the_use(server: Server, make_key: MakeKey, gateway: Gateway) -> None:
    key = await make_key("jobs:read")
    async with httpx.AsyncClient(headers=key.headers) as http:
        assert (await http.get(f"{server.http}/api/jobs")).status_code == 200
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await rows(gateway, "SELECT 1 FROM api_keys WHERE last_used_at IS NOT NULL"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_revocation_ends_the_streams_of_a_key_on_another_gateway(
    server: Server, alice: ApiUser, make_key: MakeKey
) -> None:
    key, other = await make_key("jobs:read", "jobs:write"), await make_key("jobs:read")
    events = f"{server.http}/api/jobs/{await key.generate()}/events"
    async with (
        httpx.AsyncClient(headers=key.headers) as http,
        http.stream("GET", events) as stream,
        open_reader(server) as reader,
        open_reader(server) as unaffected,
    ):
        for opened, user in ((reader, key), (unaffected, other)):
            await opened.send(type="auth", ticket=(await user.post("/api/ws/ticket")).json()["ticket"])
            await opened.until("snapshot")
        lines = stream.aiter_lines()
        async with asyncio.timeout(LIMIT_SECONDS):
            while await anext(lines) != "event: queue.position":
                pass
        revoked = time.monotonic()
        assert (await alice.request("DELETE", f"/api/keys/{key.session_id}")).status_code == 204
        assert (await key.get("/api/jobs")).status_code == 401, "requests are refused at once"
        assert await reader.close_code(LIMIT_SECONDS) == 4401
        async with asyncio.timeout(LIMIT_SECONDS):
            assert [line async for line in lines][-1:] in ([], [""])
        assert time.monotonic() - revoked < LIMIT_SECONDS
        assert (await http.get(events)).status_code == 401
        assert await unaffected.receives_nothing(0.2)


async def test_a_ticket_of_a_key_ends_with_the_key(server: Server, make_key: MakeKey, gateway: Gateway) -> None:
    ticket = (await (await make_key("jobs:read")).post("/api/ws/ticket")).json()["ticket"]
    await change(gateway, ENDED["revoked"])
    async with open_reader(server) as reader:
        await reader.send(type="auth", ticket=ticket)
        assert await reader.close_code() == 4401


async def test_a_key_is_not_accepted_over_the_websocket(server: Server, make_key: MakeKey) -> None:
    async with open_reader(server) as reader:
        await reader.send(type="auth", token=(await make_key("jobs:read")).token)
        assert await reader.close_code() == 4401


async def test_limits_count_the_keys_of_a_user_together(start_server: StartServer, make_key: MakeKey) -> None:
    first, second = await make_key("jobs:write"), await make_key("jobs:write")
    with start_server(submissions_per_minute=2) as limited:
        async with httpx.AsyncClient() as http:
            url = f"{limited.http}/api/generate"
            answers = [await http.post(url, json=SPEC, headers=key.headers) for key in (first, second, first)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]


async def test_request_slots_see_a_key_as_its_user(app: FastAPI, make_key: MakeKey, alice: ApiUser) -> None:
    """A key that this gateway has not seen yet counts as the address of its client."""
    key = await make_key("jobs:read")

    def client_of(user: ApiUser) -> str:
        headers = [(b"authorization", f"Bearer {user.token}".encode())]
        return client_key({"type": "http", "app": app, "state": {}, "headers": headers, "client": ("192.0.2.7", 1)})

    assert client_of(key).startswith("address ")
    assert (await key.get("/api/jobs")).status_code == 200
    assert client_of(key) == client_of(alice) == f"user {alice.id}"
