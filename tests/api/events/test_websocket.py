"""How WebSocket connections are authenticated, limited and closed."""

import asyncio
import json
import socket
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from websockets.asyncio.client import connect

from api.auth.dependencies import Auth
from api.dependencies import Gateway
from api.events import websocket
from tests.api.conftest import ApiUser, Server, StartServer, Worker
from tests.api.events.reader import Reader, eventually, open_reader, snapshot
from tests.api.server.raw import Raw, handshake


@pytest.mark.parametrize(
    "message",
    ['{"type": "auth"}', '{"type": "auth", "token": "x"}', '{"type": "auth", "ticket": "x"}', '{"type": "pong"}'],
)
async def test_a_first_message_without_a_valid_token_closes_the_connection(server: Server, message: str) -> None:
    async with open_reader(server) as reader:
        await reader.connection.send(message)
        assert await reader.close_code() == 4401
        assert reader.received == []


@pytest.mark.parametrize(
    "message", ["", "x", "[]", '{"type": "subscribe"}', '{"type":"auth","token":"\\ud800"}', b"\xff"]
)
async def test_a_malformed_message_closes_the_connection(server: Server, message: str | bytes) -> None:
    async with open_reader(server) as reader:
        await reader.connection.send(message)
        assert await reader.close_code() == 4400


async def test_a_connection_without_auth_message_is_closed(start_server: StartServer) -> None:
    with start_server(socket_auth_seconds=0.2) as server:
        async with open_reader(server) as reader:
            assert await reader.close_code() == 4408


async def test_a_token_in_the_url_or_a_header_is_ignored(start_server: StartServer, alice: ApiUser) -> None:
    with start_server(socket_auth_seconds=0.2) as server:
        async with connect(f"{server.ws}?token={alice.token}", additional_headers=alice.headers) as connection:
            assert await Reader(connection).close_code() == 4408


async def test_a_ticket_opens_one_connection(server: Server, alice: ApiUser) -> None:
    async with httpx.AsyncClient(base_url=server.http) as http:
        response = await http.post("/api/ws/ticket", headers=alice.headers)
    assert response.status_code == 201
    ticket = response.json()["ticket"]
    async with open_reader(server) as reader:
        await reader.send(type="auth", ticket=ticket)
        assert (await reader.next())["type"] == "hello"
    async with open_reader(server) as reader:
        await reader.send(type="auth", ticket=ticket)
        assert await reader.close_code() == 4401


async def test_a_disabled_account_is_refused(server: Server, alice: ApiUser, gateway: Gateway) -> None:
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    async with open_reader(server) as reader:
        await reader.send(type="auth", token=alice.token)
        assert await reader.close_code() == 4401


async def test_a_connection_expires_with_its_token_unless_the_client_sends_another(
    start_server: StartServer, alice: ApiUser, auth: Auth
) -> None:
    auth.tokens.lifetime_seconds = 3
    with start_server() as server:
        async with (
            open_reader(server, auth.tokens.issue(alice.id, alice.session_id)) as expiring,
            open_reader(server, auth.tokens.issue(alice.id, alice.session_id)) as renewed,
        ):
            assert (await expiring.until("error"))["data"]["code"] == "reauthenticate"
            await renewed.until("error")
            await renewed.send(type="auth", token=alice.token)
            await renewed.until("hello")
            assert await expiring.close_code() == 4401
            # The first token of the renewed connection expires within this time too.
            await asyncio.sleep(1.2)
            await alice.generate()
            await renewed.until("job.status")


async def test_a_connection_stays_open_while_its_client_renews_short_tokens(
    start_server: StartServer, alice: ApiUser, auth: Auth
) -> None:
    auth.tokens.lifetime_seconds = 3
    with start_server() as server:
        async with open_reader(server, auth.tokens.issue(alice.id, alice.session_id)) as reader:
            for _ in range(4):
                await reader.until("error")
                await reader.send(type="auth", token=auth.tokens.issue(alice.id, alice.session_id))
                await reader.until("hello")
            await alice.generate()
            await reader.until("job.status")


async def test_a_token_of_another_user_closes_the_connection(server: Server, alice: ApiUser, bob: ApiUser) -> None:
    async with open_reader(server, alice.token) as reader:
        await reader.send(type="auth", token=bob.token)
        assert await reader.close_code() == 4403


async def test_connections_are_limited_per_user(start_server: StartServer, alice: ApiUser, bob: ApiUser) -> None:
    with start_server(sockets_per_user=1) as server:
        async with open_reader(server, alice.token), open_reader(server) as second, open_reader(server, bob.token):
            await second.send(type="auth", token=alice.token)
            assert await second.close_code() == 4429
        assert await eventually(lambda: not server.app.state.hub._feeds)
        async with open_reader(server, alice.token) as reader:
            await snapshot(reader)


async def test_pings_are_sent_and_pongs_are_accepted(
    server: Server, alice: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "PING_SECONDS", 0.1)
    async with open_reader(server, alice.token) as reader:
        await reader.until("ping")
        await reader.send(type="pong")
        await reader.until("ping")


async def test_a_slow_reader_is_disconnected_and_others_continue(
    server: Server, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "SEND_SECONDS", 0.5)
    feeds = server.app.state.hub._feeds
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.connect(("127.0.0.1", server.port))
    async with (
        open_reader(server, alice.token) as fast,
        connect(server.ws, sock=small, max_queue=1, compression=None, close_timeout=0.1) as slow,
    ):
        await slow.send(json.dumps({"type": "auth", "token": alice.token}))
        await snapshot(fast)
        assert await eventually(lambda: len(feeds[alice.id]) == 2)
        jobs, unsent = 0, 0
        while len(feeds[alice.id]) == 2 and jobs < 200:
            unsent = max(unsent, *server.unsent_bytes())
            job = await worker.enqueue(alice.id, prompt="x" * 2000, negative_prompt="y" * 2000)
            jobs += 1
            while (await fast.until("job.status"))["job_id"] != str(job.id):
                pass
        assert 10 < jobs < 200
        assert len(feeds[alice.id]) == 1
        assert 100_000 < unsent < 256 * 1024
        await worker.publish(await worker.claim())
        await fast.until("job.output")


async def test_an_unreachable_database_closes_the_connection_with_retry_later(
    server: Server, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> dict[str, Any]:
        raise ConnectionRefusedError

    monkeypatch.setattr(websocket, "payload", unreachable)
    async with open_reader(server, alice.token) as reader:
        await snapshot(reader)
        await worker.enqueue(alice.id)
        assert await reader.close_code() == 1013
    monkeypatch.setattr(websocket, "snapshot", unreachable)
    async with open_reader(server, alice.token) as reader:
        assert await reader.close_code() == 1013


async def test_a_programming_error_closes_the_connection_as_an_internal_error(
    server: Server, alice: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> dict[str, Any]:
        raise ProgrammingError("", {}, Exception())

    monkeypatch.setattr(websocket, "snapshot", broken)
    async with open_reader(server, alice.token) as reader:
        assert await reader.close_code() in (1006, 1011)


async def test_a_gateway_that_shuts_down_closes_with_service_restart(start_server: StartServer, alice: ApiUser) -> None:
    with start_server() as server:
        connection = await connect(server.ws)
        reader = Reader(connection)
        await reader.send(type="auth", token=alice.token)
        assert (await reader.next())["type"] == "hello"
        await snapshot(reader)
    assert await reader.close_code() == 1012


async def test_a_client_that_leaves_before_it_is_accepted_is_no_error(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def late(self: websocket.Connection) -> None:
        await asyncio.sleep(0.3)
        await accept(self)

    accept = websocket.Connection._accept
    monkeypatch.setattr(websocket.Connection, "_accept", late)
    with Raw(server.port) as client:
        client.send(handshake())
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [("request", "info")]
