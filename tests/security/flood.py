"""The attacker, as a process of its own: `python flood.py PORT KIND CONNECTIONS SECONDS [AUTHORIZATION JOB_ID]`.

Each connection sends the bytes of its kind as fast as it can, reads nothing, and is opened again when it is closed. The
connections come from several loopback addresses, so that the limit per address does not end the flood.
"""

import base64
import itertools
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

MASK = b"\x00\x00\x00\x00"
CONNECTIONS_PER_ADDRESS = 10


class Kind(NamedTuple):
    """`opening` is sent once per connection, and `repeated` without end, after the response to a handshake."""

    opening: bytes
    repeated: bytes
    is_handshake: bool = False


def request(start: str, *headers: str) -> bytes:
    return "\r\n".join([f"{start} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def unfinished(start: str) -> bytes:
    return request(start).removesuffix(b"\r\n")


KEY = base64.b64encode(bytes(16)).decode()
HANDSHAKE = request(
    "GET /api/ws", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13"
)
UPLOAD = request("POST /api/auth/login", "Content-Type: application/json", "Content-Length: 1000000000000")
CHUNKED = request("POST /api/auth/login", "Content-Type: application/json", "Transfer-Encoding: chunked")

KINDS = {
    "pipelined requests": Kind(b"", request("GET /healthz") * 1000),
    "pipelined requests behind a slow one": Kind(request("GET /readyz"), request("GET /api/openapi.json") * 1000),
    "requests on many connections": Kind(b"", request("GET /healthz", "Connection: close")),
    "garbage": Kind(b"", os.urandom(65_536)),
    "endless request line": Kind(b"GET /", b"a" * 65_536),
    "endless header": Kind(unfinished("GET /") + b"x: ", b"a" * 65_536),
    "endless headers": Kind(unfinished("GET /"), b"a:b\r\n" * 13_000),
    "endless body": Kind(UPLOAD, b" " * 65_536),
    "tiny chunks": Kind(CHUNKED, b"1\r\nx\r\n" * 10_000),
    "endless chunk extension": Kind(CHUNKED + b"1;", b"a" * 65_536),
    "WebSocket handshakes": Kind(HANDSHAKE, b"", True),
    "WebSocket frames before the handshake": Kind(HANDSHAKE, (b"\x89\x80" + MASK) * 10_000),
    "WebSocket pings": Kind(HANDSHAKE, (b"\x89\x80" + MASK) * 10_000, True),
    "WebSocket pongs": Kind(HANDSHAKE, (b"\x8a\x80" + MASK) * 10_000, True),
    "WebSocket pings of 125 bytes": Kind(HANDSHAKE, (b"\x89\xfd" + MASK + b"x" * 125) * 500, True),
    "empty WebSocket fragments": Kind(HANDSHAKE, b"\x01\x80" + MASK + (b"\x00\x80" + MASK) * 10_000, True),
    "WebSocket messages": Kind(HANDSHAKE, (b"\x81\x82" + MASK + b"{}") * 8000, True),
    "unread responses": Kind(b"", request("GET /api/openapi.json")),
}
# For an attacker with an account; {authorization} and {job_id} are replaced.
SIGNED_IN_KINDS = {
    "unread pages": Kind(b"", request("GET /api/jobs?limit=100", "Authorization: {authorization}")),
    "pages on many connections": Kind(
        b"", request("GET /api/jobs?limit=100", "Authorization: {authorization}", "Connection: close")
    ),
    "bytes behind an event stream": Kind(
        request("GET /api/jobs/{job_id}/events", "Authorization: {authorization}"), request("GET /healthz") * 1000
    ),
}


def flood(port: int, kind: Kind, source: str, is_over: Callable[[], bool]) -> None:
    while not is_over():
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(0.5)
            try:
                connection.bind((source, 0))
                connection.connect(("127.0.0.1", port))
                connection.sendall(kind.opening)
                if kind.is_handshake:
                    connection.recv(12)
                while not is_over():
                    send(connection, kind.repeated)
            except OSError:
                # The gateway closed the connection, or refused it: try again, but do not spin.
                time.sleep(0.005)


def send(connection: socket.socket, data: bytes) -> None:
    """Send as much as the gateway takes; if it takes nothing for half a second, the write is repeated."""
    if not data:
        raise ConnectionResetError
    view = memoryview(data)
    while view:
        try:
            view = view[connection.send(view) :]
        except TimeoutError:
            return


def sources() -> Iterator[str]:
    for last in itertools.count(10):
        yield from [f"127.0.0.{last}"] * CONNECTIONS_PER_ADDRESS


def filled(kind: Kind, authorization: str, job_id: str) -> Kind:
    def fill(data: bytes) -> bytes:
        return data.replace(b"{authorization}", authorization.encode()).replace(b"{job_id}", job_id.encode())

    return Kind(fill(kind.opening), fill(kind.repeated), kind.is_handshake)


def main() -> None:
    port, name, connections, seconds, *account = sys.argv[1:]
    kind = filled(SIGNED_IN_KINDS[name], *account) if account else KINDS[name]
    deadline = time.monotonic() + float(seconds)
    for source in itertools.islice(sources(), int(connections)):
        arguments = (int(port), kind, source, lambda: time.monotonic() > deadline)
        threading.Thread(target=flood, args=arguments).start()


if __name__ == "__main__":
    main()
