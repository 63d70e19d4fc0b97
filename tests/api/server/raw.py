"""A client that sends any bytes, from any loopback address."""

import base64
import json
import socket
import time
from dataclasses import dataclass
from typing import Any

SECONDS = 10.0
# The gateway trusts 127.0.0.1 as a proxy; limits per address apply to the others.
STRANGER = "127.0.0.2"
OTHER_STRANGER = "127.0.0.3"


def request(target: str = "GET /healthz", *headers: str, body: str = "") -> bytes:
    return "\r\n".join([f"{target} HTTP/1.1", "Host: localhost", *headers, "", body]).encode()


def handshake(*headers: str) -> bytes:
    key = f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}"
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", key, "Sec-WebSocket-Version: 13")
    return request("GET /api/ws", *upgrade, *headers)


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A masked frame with a payload of up to 65,535 bytes."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2)
    return bytes([opcode | (0x80 if fin else 0)]) + size + bytes(4) + payload


TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


class Raw:
    def __init__(self, port: int, source: str = "127.0.0.1", *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(SECONDS)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self._received = b""

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_until_closed(self, data: bytes, seconds: float = SECONDS) -> bool:
        """Whether the gateway closes the connection while `data` is sent over and over."""
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                self.socket.sendall(data)
        except (ConnectionError, TimeoutError) as error:
            return isinstance(error, ConnectionError)
        return False

    def response_head(self) -> Response:
        """The next response, without its body."""
        while b"\r\n\r\n" not in self._received:
            self._receive()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        start, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return Response(int(start.split()[1]), headers, b"")

    def response(self) -> Response:
        """The next response, which has a Content-Length."""
        response = self.response_head()
        length = int(response.headers.get("content-length", 0))
        while len(self._received) < length:
            self._receive()
        response.body, self._received = self._received[:length], self._received[length:]
        return response

    def read_slowly(self, length: int, seconds: float) -> int:
        """The number of bytes received, of `length`, if they are read within about `seconds`."""
        received = len(self._received)
        while received < length and (data := self.socket.recv(65_536)):
            received += len(data)
            time.sleep(seconds * len(data) / length)
        return received

    def frame(self) -> tuple[int, bytes]:
        """The opcode and the payload of the next frame, of up to 125 bytes."""
        while len(self._received) < 2 or len(self._received) < 2 + self._received[1]:
            self._receive()
        opcode, end = self._received[0] & 0x0F, 2 + self._received[1]
        payload, self._received = self._received[2:end], self._received[end:]
        return opcode, payload

    def close_code(self) -> int:
        """The code of the close frame; other frames are skipped."""
        while True:
            opcode, payload = self.frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2])

    def seconds_until_closed(self, seconds: float = SECONDS) -> float:
        """How long the gateway keeps the connection open. Raises TimeoutError if it is longer than `seconds`."""
        started = time.monotonic()
        try:
            while self._remaining(started + seconds) and self.socket.recv(65_536):
                pass
        except ConnectionError:
            pass
        return time.monotonic() - started

    def is_closed(self, seconds: float = SECONDS) -> bool:
        try:
            self.seconds_until_closed(seconds)
        except TimeoutError:
            return False
        return True

    def _remaining(self, deadline: float) -> bool:
        if deadline <= time.monotonic():
            raise TimeoutError
        self.socket.settimeout(deadline - time.monotonic())
        return True

    def _receive(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionResetError("closed by the gateway")
        self._received += data
