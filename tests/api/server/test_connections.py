"""How many connections there may be, and what happens to clients that do not read."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from api.dependencies import Gateway
from api.server import connections
from tests.api.conftest import ApiUser, StartServer, Worker
from tests.api.events.reader import eventually
from tests.api.server.raw import OTHER_STRANGER, STRANGER, Raw, handshake, request


def lines(output: str, event: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, output.splitlines()) if line["event"] == event]


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Closes the clients that enter it."""
    with ExitStack() as stack:
        yield stack


async def test_an_address_has_a_limit_and_others_are_served(
    start_server: StartServer, opened: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    with start_server(connections_per_address=3) as server:
        clients = [opened.enter_context(Raw(server.port, STRANGER)) for _ in range(6)]
        for client in clients:
            client.send(request())
        responses = [client.response() for client in clients]
        assert sorted(response.status for response in responses) == [200] * 3 + [429] * 3
        refused = next(response for response in responses if response.status == 429)
        assert refused.json()["code"] == "too_many_connections"
        assert refused.headers["retry-after"] == "5"
        with Raw(server.port, OTHER_STRANGER) as other:
            other.send(request())
            assert other.response().status == 200
        opened.close()
        time.sleep(0.2)  # noqa: ASYNC251  (the server has its own thread)
        with Raw(server.port, STRANGER) as again:
            again.send(request())
            assert again.response().status == 200
    (line,) = lines(capsys.readouterr().out, "connection refused")
    assert (line["reason"], line["count"], line["addresses"]) == ("too_many_connections", 1, [STRANGER])


async def test_a_trusted_proxy_has_no_limit_of_its_own(start_server: StartServer, opened: ExitStack) -> None:
    with start_server(connections_per_address=3) as server:
        for _ in range(10):
            client = opened.enter_context(Raw(server.port))
            client.send(request())
            assert client.response().status == 200


async def test_clients_behind_a_proxy_have_the_limit(start_server: StartServer, opened: ExitStack) -> None:
    with start_server(connections_per_address=2) as server:

        def open_socket(client: str) -> int:
            connection = opened.enter_context(Raw(server.port))
            connection.send(handshake(f"X-Forwarded-For: {client}"))
            return connection.response().status

        assert [open_socket("192.0.2.1") for _ in range(3)] == [101, 101, 429]
        assert open_socket("192.0.2.2") == 101
        assert [open_socket(f"2001:db8::{n}") for n in range(3)] == [101, 101, 429]


async def test_new_connections_per_minute_are_limited(start_server: StartServer) -> None:
    def status(server_port: int, source: str) -> int:
        with Raw(server_port, source) as client:
            client.send(request("GET /healthz", "Connection: close"))
            return client.response().status

    with start_server(new_connections_per_minute=5) as server:
        assert [status(server.port, STRANGER) for _ in range(7)] == [200] * 5 + [429] * 2
        assert status(server.port, OTHER_STRANGER) == 200
        assert [status(server.port, "127.0.0.1") for _ in range(7)] == [200] * 7


async def test_a_full_server_closes_the_connection_that_waits_longest(
    start_server: StartServer, opened: ExitStack
) -> None:
    with start_server(connections=3) as server:
        silent = [opened.enter_context(Raw(server.port, STRANGER)) for _ in range(3)]
        with Raw(server.port, OTHER_STRANGER) as other:
            other.send(request())
            assert other.response().status == 200
            assert silent[0].is_closed(2)
            assert not silent[2].is_closed(0.2)


async def test_a_full_server_without_idle_connections_refuses(
    start_server: StartServer, opened: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    with start_server(connections=3) as server:
        for _ in range(3):
            busy = opened.enter_context(Raw(server.port, STRANGER))
            busy.send(handshake())
            assert busy.response().status == 101
        with Raw(server.port, OTHER_STRANGER) as other:
            other.send(request())
            refused = other.response()
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert [line["addresses"] for line in lines(capsys.readouterr().out, "connection refused")] == [[OTHER_STRANGER]]


async def test_a_refused_client_that_sends_nothing_is_closed(start_server: StartServer, opened: ExitStack) -> None:
    with start_server(connections_per_address=1) as server:
        opened.enter_context(Raw(server.port, STRANGER))
        with Raw(server.port, STRANGER) as silent:
            assert silent.seconds_until_closed() < connections.REFUSED_SECONDS + 3


async def test_few_refused_clients_are_kept_for_an_answer(
    start_server: StartServer, opened: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_REFUSED", 2)
    monkeypatch.setattr(connections, "REFUSED_SECONDS", 60)
    with start_server(connections_per_address=1) as server:
        opened.enter_context(Raw(server.port, STRANGER))
        refused = [opened.enter_context(Raw(server.port, STRANGER)) for _ in range(4)]
        assert [client.is_closed(0.3) for client in refused] == [False, False, True, True]


@pytest.fixture
async def large_page(alice: ApiUser, worker: Worker) -> bytes:
    """A request for a response of more than the kernel's buffers hold."""
    for _ in range(40):
        await worker.enqueue(alice.id, prompt="é" * 2000, negative_prompt="é" * 2000)
    return request("GET /api/jobs?limit=100", f"Authorization: Bearer {alice.token}")


async def test_a_client_that_does_not_read_is_closed(
    start_server: StartServer, opened: ExitStack, large_page: bytes
) -> None:
    with start_server(unread_seconds=1) as server:
        client = opened.enter_context(Raw(server.port, receive_buffer=4096))
        client.send(large_page)
        assert await eventually(lambda: len(server.uvicorn.server_state.connections) == 1)
        assert await eventually(lambda: not server.uvicorn.server_state.connections, seconds=10)


async def test_a_slow_reader_of_a_large_file_is_not_closed(
    start_server: StartServer, opened: ExitStack, gateway: Gateway
) -> None:
    """What waits is read in time, although the whole file is not."""
    await gateway.storage.put("jobs/a/video.mp4", bytes(2_000_000), "video/mp4")
    link = gateway.storage.url("jobs/a/video.mp4", expires_seconds=60)
    with start_server(unread_seconds=1) as server:
        client = opened.enter_context(Raw(server.port, receive_buffer=65_536))
        client.send(request(f"GET {link}"))
        length = int(client.response_head().headers["content-length"])
        assert client.read_slowly(length, seconds=4) == length


async def test_the_write_buffers_of_all_connections_have_a_limit(
    start_server: StartServer, opened: ExitStack, large_page: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with start_server(unread_bytes=1_048_576) as server:
        for _ in range(15):
            opened.enter_context(Raw(server.port, receive_buffer=4096)).send(large_page)
        logged: list[dict[str, Any]] = []

        def is_limited() -> bool:
            logged.extend(lines(capsys.readouterr().out, "connection closed"))
            return "unread_bytes" in {line["reason"] for line in logged}

        assert await eventually(is_limited, seconds=10)
        assert await eventually(lambda: sum(server.unsent_bytes()) < 1_048_576 + 15 * 200_000)
        assert 0 < len(server.uvicorn.server_state.connections) < 15
