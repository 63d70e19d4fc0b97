"""Responses that the server sends itself, before a request reaches the application. They close the connection."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from api.problems import MEDIA_TYPE


@dataclass(frozen=True)
class Refusal:
    """Why a connection is refused or closed. `code` is also the reason in the log."""

    # The HTTP status, or the close code of a WebSocket.
    status: int
    code: str
    detail: str
    retry_after: int | None = None

    def headers(self) -> dict[str, str]:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return headers if self.retry_after is None else headers | {"Retry-After": str(self.retry_after)}

    def body(self) -> bytes:
        title = HTTPStatus(self.status).phrase
        members = {"status": self.status, "code": self.code, "detail": self.detail}
        return json.dumps({"type": "about:blank", "title": title} | members).encode()

    def response(self) -> bytes:
        """The complete HTTP/1.1 response."""
        body = self.body()
        framing = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Connection": "close"}
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in (self.headers() | framing).items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


ADDRESS_FULL = Refusal(429, "too_many_connections", "This address has too many open connections.", retry_after=5)
ADDRESS_FAST = Refusal(429, "too_many_new_connections", "This address opens connections too fast.", retry_after=10)
SERVER_FULL = Refusal(503, "too_many_connections", "The gateway has too many open connections.", retry_after=5)
HEADER_SLOW = Refusal(408, "header_timeout", "The request header did not arrive in time.")
BODY_SLOW = Refusal(408, "body_timeout", "The request body did not arrive in time.")
HEADER_LARGE = Refusal(431, "header_too_large", "The request header is too large.")
MALFORMED = Refusal(400, "malformed_request", "The request is not valid HTTP.")

SOCKET_SILENT = Refusal(4408, "auth_timeout", "no auth message received")
SOCKET_FLOOD = Refusal(1008, "too_many_frames", "too many frames or bytes")
SOCKET_CLOSING = Refusal(1008, "close_timeout", "the closing handshake was not completed")
