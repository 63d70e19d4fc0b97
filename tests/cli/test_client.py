"""The client against a gateway that is away for a moment, gone in the middle of a file, or late with what it tells."""

import hashlib
import json
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from cli import client as module
from cli.client import Client, Problem

VIDEO = b"frames" * 1000
OUTPUT = {"url": "/video", "sha256": hashlib.sha256(VIDEO).hexdigest()}
WELL = (200, {}, {"status": "running"})
AWAY = (503, {}, {"detail": "the database does not answer"})
EXPIRED = (401, {}, {"detail": "expired"})
TOKEN = (200, {}, {"access_token": "fresh"})

Answer = tuple[int, dict[str, str], Any]


class Gateway(BaseHTTPRequestHandler):
    """Gives to each path the answers that a test has written down, one after the other, the last one for ever."""

    answers: ClassVar[dict[str, list[Answer]]] = {}
    asked: ClassVar[dict[str, int]] = defaultdict(int)

    def do_GET(self) -> None:
        answers = self.answers[self.path]
        status, headers, body = answers[min(self.asked[self.path], len(answers) - 1)]
        self.asked[self.path] += 1
        if isinstance(body, dict):
            headers, body = headers | {"Content-Type": "application/json"}, json.dumps(body).encode()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if body == b"interrupt":
            time.sleep(0.2)  # until the client waits for the rest
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # that is the one that waits
            time.sleep(0.5)

    do_POST = do_GET  # noqa: N815 - the name that the base class looks for

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(module, "RECONNECT_SECONDS", 0.01)
    Gateway.answers, Gateway.asked = {"/api/auth/login": [TOKEN]}, defaultdict(int)
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with Client(f"http://127.0.0.1:{server.server_port}") as made:
            made.sign_in("a@b", "a long password")
            yield made
        server.shutdown()


def test_a_gateway_that_is_away_for_a_moment_is_asked_again(client: Client) -> None:
    Gateway.answers["/api/status/1"] = [AWAY, (502, {}, b"<html>"), (504, {}, b""), WELL]
    assert client.status("1") == {"status": "running"}


def test_signing_in_waits_for_the_database_too(client: Client) -> None:
    Gateway.answers["/api/auth/login"] = [TOKEN, AWAY, TOKEN]
    client.sign_in("a@b", "a long password")
    assert Gateway.asked["/api/auth/login"] == 3


def test_the_pause_is_as_long_as_the_gateway_asks_for(client: Client) -> None:
    Gateway.answers["/api/status/1"] = [(503, {"Retry-After": "1"}, {}), WELL]
    began = time.monotonic()
    client.status("1")
    assert 1 <= time.monotonic() - began < 10


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "3600"}, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}])
def test_the_patience_ends(client: Client, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    Gateway.answers["/api/status/1"] = [(503, headers, {"detail": "the database does not answer"})]
    with pytest.raises(Problem, match="the database does not answer"):
        client.status("1")


def test_a_token_that_has_expired_meanwhile_is_replaced_at_any_attempt(client: Client) -> None:
    Gateway.answers["/api/status/1"] = [AWAY, EXPIRED, WELL]
    assert client.status("1") == {"status": "running"}
    assert Gateway.asked["/api/auth/login"] == 2


def test_a_fresh_token_that_is_refused_is_the_end(client: Client) -> None:
    Gateway.answers["/api/status/1"] = [EXPIRED]
    with pytest.raises(Problem, match="expired"):
        client.status("1")
    assert Gateway.asked["/api/status/1"] == 2


def test_a_transfer_that_breaks_is_begun_again(client: Client, tmp_path: Path) -> None:
    Gateway.answers["/video"] = [AWAY, (200, {"Content-Length": "9999"}, VIDEO[:1000]), (200, {}, VIDEO)]
    client.download(OUTPUT, tmp_path / "v.mp4")
    assert (tmp_path / "v.mp4").read_bytes() == VIDEO
    assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]


FAILURES: dict[str, tuple[Answer, type[BaseException]]] = {
    "refused": ((403, {}, {"detail": "this link has expired"}), Problem),
    "damaged": ((200, {}, b"others"), ValueError),
    "broken": ((200, {"Content-Length": "9999"}, b"half"), httpx.TransportError),
    "interrupted": ((200, {"Content-Length": "9999"}, b"interrupt"), KeyboardInterrupt),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_transfer_that_fails_leaves_nothing(
    case: str, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    answer, error = FAILURES[case]
    Gateway.answers["/video"] = [answer]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored from the start
    try:
        with pytest.raises(error):
            client.download(OUTPUT, tmp_path / "v.mp4")
    finally:
        signal.signal(signal.SIGINT, before)
    assert list(tmp_path.iterdir()) == []


class Telling:
    """One job. It answers /api/status with the newest state, and tells what a test wants told once a socket opens."""

    def __init__(self) -> None:
        self.job: dict[str, Any] = {"status": "running", "revision": 5, "progress": {"value": 0.5}}
        self.left_waiting = False
        self.asked = threading.Event()

    def tell(self, socket: ServerConnection) -> None:
        raise NotImplementedError

    def open(self, socket: ServerConnection) -> None:
        socket.recv()
        send(socket, "hello")
        self.tell(socket)
        end = time.monotonic() + 3
        while time.monotonic() < end:  # a connection that lives, and on which nothing happens
            time.sleep(0.05)
            try:
                send(socket, "ping")
            except ConnectionClosed:
                return
        self.left_waiting = True

    def answer(self, _: ServerConnection, request: Request) -> Response | None:
        if request.path == "/api/ws":
            return None
        body = json.dumps(self.job).encode()
        self.asked.set()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
        return Response(200, "OK", Headers(headers), body)

    @contextmanager
    def client(self) -> Iterator[Client]:
        with serve(self.open, "127.0.0.1", 0, process_request=self.answer) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with Client(f"http://127.0.0.1:{server.socket.getsockname()[1]}") as client:
                client._token = "any"
                yield client


def send(socket: ServerConnection, kind: str, job_id: str | None = None, at: int = 0, **data: Any) -> None:
    socket.send(json.dumps({"type": kind, "job_id": job_id, "revision": at, "data": data}))


def test_a_job_that_ends_while_the_connection_is_made_is_not_waited_for() -> None:
    """The snapshot holds the end already, so no event tells it."""

    class Ending(Telling):
        def tell(self, socket: ServerConnection) -> None:
            self.asked.wait(0.5)
            self.job = self.job | {"status": "succeeded", "revision": 6}
            send(socket, "snapshot")

    gateway = Ending()
    with gateway.client() as client:
        assert [job["status"] for job in client.follow("1")][-1] == "succeeded"
    assert not gateway.left_waiting


def test_what_an_event_tells_late_does_not_undo_what_is_known() -> None:
    class Late(Telling):
        def tell(self, socket: ServerConnection) -> None:
            send(socket, "snapshot")
            send(socket, "job.progress", "1", 4, progress={"value": 0.4})
            send(socket, "job.progress", "2", 9, progress={"value": 0.1})
            send(socket, "job.progress", "1", 6, progress={"value": 0.6})
            send(socket, "job.progress", "1", 5, progress={"value": 0.5})
            send(socket, "job.status", "1", 7, status="succeeded", revision=7, progress={"value": 1})

    with Late().client() as client:
        jobs = [(job["status"], job["progress"]["value"]) for job in client.follow("1")]
    assert jobs == [("running", 0.5), ("running", 0.6), ("succeeded", 1)]
