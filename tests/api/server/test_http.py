"""Limits on what a client may send before its request reaches the application."""

import asyncio
import time

import pytest

from api.server import http
from tests.api.conftest import Server, StartServer
from tests.api.server.raw import Raw, Response, request

LOGIN = ("POST /api/auth/login", "Content-Type: application/json")


def assert_refused(response: Response, status: int, code: str) -> None:
    assert (response.status, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"a" * 70_000,
        b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"a" * 17_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70_000,
        b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 10_000,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 101 + b"\r\n",
    ],
    ids=["endless header", "large header", "endless line", "long line", "endless headers", "many headers"],
)
async def test_a_large_header_is_refused(server: Server, head: bytes) -> None:
    with Raw(server.port) as client:
        client.send(head)
        assert_refused(client.response(), 431, "header_too_large")
        assert client.is_closed()


async def test_a_header_within_the_limit_is_accepted(server: Server) -> None:
    with Raw(server.port) as client:
        client.send(request("GET /healthz", "x: " + "a" * 12_000, *(f"h{n}: b" for n in range(90))))
        assert client.response().status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    ],
    ids=["NUL", "no Host", "two Hosts", "TLS", "two lengths", "chunk"],
)
async def test_malformed_requests_are_refused(server: Server, data: bytes) -> None:
    with Raw(server.port) as client:
        client.send(data)
        assert_refused(client.response(), 400, "malformed_request")
        assert client.is_closed()


async def test_a_header_that_arrives_slowly_is_refused(start_server: StartServer) -> None:
    with start_server(header_seconds=1) as server, Raw(server.port) as client:
        started = time.monotonic()
        client.send(b"GET /healthz HTTP/1.1\r\n")
        for _ in range(4):
            client.send(b"a: b\r\n")
            await asyncio.sleep(0.2)
        assert_refused(client.response(), 408, "header_timeout")
        assert 1 <= time.monotonic() - started < 4
        assert client.is_closed()


async def test_a_silent_connection_is_closed(start_server: StartServer) -> None:
    with start_server(header_seconds=1) as server, Raw(server.port) as client:
        assert client.seconds_until_closed() < 4


async def test_an_idle_connection_is_closed(start_server: StartServer) -> None:
    with start_server(idle_seconds=1) as server, Raw(server.port) as client:
        client.send(request())
        assert client.response().status == 200
        assert client.seconds_until_closed() < 4


async def test_the_header_of_a_later_request_has_the_same_time_limit(start_server: StartServer) -> None:
    with start_server(header_seconds=1) as server, Raw(server.port) as client:
        client.send(request())
        assert client.response().status == 200
        client.send(b"GET")
        assert_refused(client.response(), 408, "header_timeout")


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
async def test_a_body_that_arrives_slowly_is_refused(start_server: StartServer, framing: str) -> None:
    with start_server(body_seconds=1) as server, Raw(server.port) as client:
        client.send(request(*LOGIN, framing))
        assert_refused(client.response(), 408, "body_timeout")
        assert client.is_closed()


async def test_tiny_chunks_are_refused(server: Server) -> None:
    with Raw(server.port) as client:
        client.send(request(*LOGIN, "Transfer-Encoding: chunked") + b"1\r\n \r\n" * 400)
        assert_refused(client.response(), 400, "malformed_request")


async def test_a_body_in_chunks_is_accepted(server: Server) -> None:
    with Raw(server.port) as client:
        chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
        client.send(request(*LOGIN, "Transfer-Encoding: chunked") + chunk * 40 + b"2\r\n{}\r\n0\r\n\r\n")
        assert client.response().status == 422


async def test_the_response_to_a_large_body_can_be_read_while_the_rest_is_sent(server: Server) -> None:
    with Raw(server.port) as client:
        client.send(request(*LOGIN, "Content-Length: 1000000000"))
        for _ in range(20):
            client.send(b" " * 65_536)
        response = client.response()
        assert (response.status, response.json()["code"]) == (413, "body_too_large")
        started = time.monotonic()
        assert client.send_until_closed(b" " * 65_536)
        assert time.monotonic() - started < http.DISCARD_SECONDS + 3


async def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    with Raw(server.port) as client:
        client.send(request("GET /healthz") + request("GET /api/me") + request("GET /nothing"))
        assert [client.response().status for _ in range(3)] == [200, 401, 404]


async def test_endless_pipelining_ends_the_connection(server: Server) -> None:
    with Raw(server.port) as client:
        assert client.send_until_closed(request() * 1000)


async def test_bytes_after_the_last_request_are_ignored(server: Server) -> None:
    with Raw(server.port) as client:
        client.send(request("GET /healthz", "Connection: close") + b"garbage" * 1000)
        assert client.response().status == 200
        assert client.is_closed()


async def test_a_server_that_shuts_down_closes_idle_connections(start_server: StartServer) -> None:
    with start_server() as server:
        client = Raw(server.port)
        client.send(request())
        assert client.response().status == 200
    assert client.is_closed()
    client.socket.close()
