"""The budget of frames and bytes of a WebSocket, and its time limits."""

import asyncio
import time

import pytest

from api.events.websocket import Connection
from api.server import websocket
from tests.api.conftest import Server, StartServer
from tests.api.server.raw import BINARY, CLOSE, PING, PONG, TEXT, Raw, frame, handshake

CONTINUATION = 0


def open_socket(server: Server, **options: int) -> Raw:
    client = Raw(server.port, **options)
    client.send(handshake())
    assert client.response().status == 101
    return client


@pytest.mark.parametrize(
    "flood",
    [
        frame(PING) * 400,
        frame(PONG) * 400,
        frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 400,
        frame(PING, b"x" * 125) * 400,
        frame(BINARY, fin=False) + frame(CONTINUATION, b"x" * 16, fin=False) * 400,
    ],
    ids=["pings", "pongs", "empty fragments", "large pings", "fragments"],
)
async def test_a_flood_of_frames_closes_the_connection(server: Server, flood: bytes) -> None:
    with open_socket(server) as client:
        client.send(flood)
        assert client.close_code() == 1008
        assert client.is_closed(websocket.GRACE_SECONDS + 3)


async def test_a_flood_that_reads_nothing_is_closed_too(start_server: StartServer) -> None:
    """Although the answers to its pings cannot be sent."""
    budget = {"socket_frames_per_minute": 100_000, "socket_bytes_per_minute": 1_000_000}
    with start_server(**budget) as server, open_socket(server, receive_buffer=4096) as client:
        assert client.send_until_closed(frame(PING, b"x" * 125) * 100)


async def test_few_frames_with_many_bytes_close_the_connection(start_server: StartServer) -> None:
    with start_server(socket_bytes_per_minute=16_384) as server, open_socket(server) as client:
        client.send(frame(PING, b"x" * 125) * 200)
        assert client.close_code() == 1008


async def test_pings_within_the_budget_are_answered(server: Server) -> None:
    with open_socket(server) as client:
        for n in range(100):
            client.send(frame(PING, b"%d" % n))
            assert client.frame() == (PONG, b"%d" % n)


async def test_pings_do_not_extend_the_time_for_authentication(start_server: StartServer) -> None:
    with start_server(socket_auth_seconds=0.5) as server, open_socket(server) as client:
        started = time.monotonic()
        client.send(frame(PING) * 50)
        assert client.close_code() == 4408
        assert time.monotonic() - started < 3


async def test_a_connection_that_its_handler_does_not_close_is_closed(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time limit does not depend on the code that reads from the connection."""

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("api.events.websocket.Connection._authenticate_first_message", never)
    with start_server(socket_auth_seconds=0.5) as server, open_socket(server) as client:
        assert client.close_code() == 4408


async def test_a_client_that_does_not_complete_the_closing_handshake_is_closed(server: Server) -> None:
    with open_socket(server) as client:
        client.send(frame(TEXT, b"not JSON"))
        assert client.close_code() == 4400
        assert client.seconds_until_closed() < websocket.GRACE_SECONDS + 3


async def test_a_client_that_closes_gets_the_closing_handshake(server: Server) -> None:
    with open_socket(server) as client:
        client.send(frame(CLOSE, (1000).to_bytes(2)))
        assert client.close_code() == 1000
        assert client.is_closed()


async def test_a_message_over_the_size_limit_closes_the_connection(server: Server) -> None:
    with open_socket(server) as client:
        client.send(frame(TEXT, b"x" * 16_385))
        assert client.close_code() == 1009


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"\x80"])
async def test_invalid_utf8_closes_the_connection_without_a_traceback(
    server: Server, payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with open_socket(server) as client:
        client.send(frame(TEXT, payload))
        assert client.close_code() == 1007
    assert [record for record in caplog.records if record.exc_info] == []


async def test_frames_before_the_response_to_the_handshake_close_the_connection(
    server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(self: Connection) -> None:
        await asyncio.sleep(1.5)
        await accept(self)

    accept = Connection._accept
    monkeypatch.setattr(Connection, "_accept", late)
    with Raw(server.port) as client:
        client.send(handshake())
        await asyncio.sleep(0.1)
        client.send(frame(PING) * 100)
        assert client.seconds_until_closed() < 1.3
    await asyncio.sleep(1.6)
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize(
    "headers",
    [("x: " + "a" * 9000,), ("Sec-WebSocket-Version: 1",), ("Sec-WebSocket-Key: x",)],
    ids=["long line", "two versions", "two keys"],
)
async def test_a_handshake_that_the_parser_refuses_is_answered(server: Server, headers: tuple[str, ...]) -> None:
    with Raw(server.port) as client:
        started = time.monotonic()
        client.send(handshake(*headers))
        assert client.response().status == 400
        assert client.is_closed()
        assert time.monotonic() - started < 3


async def test_messages_are_not_compressed(server: Server) -> None:
    with Raw(server.port) as client:
        client.send(handshake("Sec-WebSocket-Extensions: permessage-deflate"))
        response = client.response()
        assert response.status == 101
        assert "sec-websocket-extensions" not in response.headers
