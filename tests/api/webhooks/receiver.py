"""A receiver of webhooks: a real HTTP server that verifies messages with the library `standardwebhooks`."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass
class Message:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """The content. WebhookVerificationError if the signature is not of this secret, or not of now."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """`statuses` are those of the next answers, then `status`. `delay` is in seconds."""

    port: int = 0
    messages: list[Message] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    status: int = 204
    delay: float = 0
    headers: dict[str, str] = field(default_factory=dict)
    answer_bytes: int = 0
    sent_bytes: int = 0
    open: int = 0
    most_open: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=x"


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.open += 1
            receiver.most_open = max(receiver.most_open, receiver.open)
            try:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.messages.append(Message(self.path, headers, body))
                time.sleep(receiver.delay)
                self._answer(receiver.statuses.pop(0) if receiver.statuses else receiver.status)
            except (BrokenPipeError, ConnectionResetError):  # the sender has closed the connection
                pass
            finally:
                receiver.open -= 1

        def _answer(self, status: int) -> None:
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            if receiver.answer_bytes:
                self.send_header("content-length", str(receiver.answer_bytes))
            self.end_headers()
            for _ in range(receiver.answer_bytes // 65_536):
                receiver.sent_bytes += self.wfile.write(b"x" * 65_536)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def run_receiver(**values: Any) -> Iterator[Receiver]:
    receiver = Receiver(**values)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver)) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join(10)
