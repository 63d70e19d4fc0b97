"""The client with a gateway that is unavailable, breaks a download, or sends events late."""

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

from cli.client import ApiError, Client, Job, NotUnderstood, TooManyRequests, jobs
from cli.client import connection as module

Reply = tuple[int, dict[str, str], Any]

VIDEO = b"frames" * 1000
OUTPUT = ("/video", hashlib.sha256(VIDEO).hexdigest())
RUNNING: Reply = (200, {}, {"job_id": "1", "status": "running"})
UNAVAILABLE: Reply = (503, {}, {"detail": "the database is unavailable"})
EXPIRED: Reply = (401, {}, {"detail": "expired"})
TOKEN: Reply = (200, {}, {"access_token": "fresh"})


class Gateway(BaseHTTPRequestHandler):
    """Sends the replies that a test has configured for a path, in order, and repeats the last one."""

    replies: ClassVar[dict[str, list[Reply]]] = {}
    requests: ClassVar[dict[str, int]] = defaultdict(int)

    def do_GET(self) -> None:
        replies = self.replies[self.path]
        status, headers, body = replies[min(self.requests[self.path], len(replies) - 1)]
        self.requests[self.path] += 1
        if isinstance(body, dict):
            headers, body = headers | {"Content-Type": "application/json"}, json.dumps(body).encode()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if body == b"interrupt":
            time.sleep(0.2)  # until the client, in the main thread, waits for the rest
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            time.sleep(0.5)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(module, "RETRY_INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(jobs, "RECONNECT_SECONDS", 0.01)
    Gateway.replies, Gateway.requests = {"/api/auth/login": [TOKEN]}, defaultdict(int)
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with Client(f"http://127.0.0.1:{server.server_port}") as client:
            client.sign_in("a@b", "a long password")
            yield client
        server.shutdown()


def test_a_request_to_an_unavailable_gateway_is_retried(client: Client) -> None:
    Gateway.replies["/api/status/1"] = [UNAVAILABLE, (502, {}, b"<html>"), (504, {}, b""), RUNNING]
    assert client.status("1") == Job(job_id="1", status="running")


def test_a_rate_limit_is_waited_for(client: Client) -> None:
    Gateway.replies["/api/status/1"] = [(429, {"Retry-After": "1"}, {"code": "too_many_requests"}), RUNNING]
    started = time.monotonic()
    assert client.status("1").status == "running"
    assert time.monotonic() - started >= 1


def test_a_quota_that_is_used_up_for_hours_is_not_waited_for(client: Client) -> None:
    Gateway.replies["/api/status/1"] = [(429, {"Retry-After": "7200"}, {"code": "quota_exceeded"}), RUNNING]
    with pytest.raises(TooManyRequests) as error:
        client.status("1")
    assert (error.value.status, error.value.code, error.value.retry_after) == (429, "quota_exceeded", 7200)
    assert Gateway.requests["/api/status/1"] == 1


def test_wrong_passwords_are_not_repeated(client: Client) -> None:
    Gateway.replies["/api/auth/login"] = [(429, {"Retry-After": "1"}, {"code": "too_many_requests"})]
    with pytest.raises(TooManyRequests):
        client.sign_in("a@b", "a wrong password")
    assert Gateway.requests["/api/auth/login"] == 2  # the first is that of the fixture


@pytest.mark.parametrize("reply", [(200, {}, b"<html>"), (200, {}, {"data": []}), (200, {}, b"[1]")])
def test_the_answer_of_another_server_is_an_error_of_one_line(client: Client, reply: Reply) -> None:
    Gateway.replies["/api/status/1"] = [reply]
    with pytest.raises(NotUnderstood, match="not one of an AuraAnim gateway"):
        client.status("1")


def test_fields_of_a_newer_gateway_are_kept(client: Client) -> None:
    Gateway.replies["/api/status/1"] = [(200, {}, {"job_id": "1", "status": "running", "mood": "sunny"})]
    assert client.status("1").json_fields()["mood"] == "sunny"


def test_signing_in_is_retried_while_the_gateway_is_unavailable(client: Client) -> None:
    Gateway.replies["/api/auth/login"] = [TOKEN, UNAVAILABLE, TOKEN]
    client.sign_in("a@b", "a long password")
    assert Gateway.requests["/api/auth/login"] == 3


def test_the_delay_between_retries_is_the_retry_after_header(client: Client) -> None:
    Gateway.replies["/api/status/1"] = [(503, {"Retry-After": "1"}, {}), RUNNING]
    started = time.monotonic()
    client.status("1")
    assert 1 <= time.monotonic() - started < 10


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "3600"}, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}])
def test_the_retries_end_after_a_timeout(
    client: Client, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(module, "RETRY_TIMEOUT_SECONDS", 0.2)
    Gateway.replies["/api/status/1"] = [(503, headers, {"detail": "the database is unavailable"})]
    with pytest.raises(ApiError, match="the database is unavailable"):
        client.status("1")


def test_an_expired_token_is_replaced_during_retries_too(client: Client) -> None:
    Gateway.replies["/api/status/1"] = [UNAVAILABLE, EXPIRED, RUNNING]
    assert client.status("1") == Job(job_id="1", status="running")
    assert Gateway.requests["/api/auth/login"] == 2


def test_a_rejected_new_token_is_not_replaced_again(client: Client) -> None:
    Gateway.replies["/api/status/1"] = [EXPIRED]
    with pytest.raises(ApiError, match="expired"):
        client.status("1")
    assert Gateway.requests["/api/status/1"] == 2


def test_a_broken_download_is_restarted(client: Client, tmp_path: Path) -> None:
    Gateway.replies["/video"] = [UNAVAILABLE, (200, {"Content-Length": "9999"}, VIDEO[:1000]), (200, {}, VIDEO)]
    client.download(OUTPUT[0], tmp_path / "v.mp4", OUTPUT[1])
    assert (tmp_path / "v.mp4").read_bytes() == VIDEO
    assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]


FAILURES: dict[str, tuple[Reply, type[BaseException]]] = {
    "forbidden": ((403, {}, {"detail": "this link has expired"}), ApiError),
    "corrupt": ((200, {}, b"others"), ValueError),
    "broken": ((200, {"Content-Length": "9999"}, b"half"), httpx.TransportError),
    "interrupted": ((200, {"Content-Length": "9999"}, b"interrupt"), KeyboardInterrupt),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failed_download_leaves_no_file(
    case: str, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_TIMEOUT_SECONDS", 0.2)
    reply, error = FAILURES[case]
    Gateway.replies["/video"] = [reply]
    # A process that a shell starts in the background ignores SIGINT.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(error):
            client.download(OUTPUT[0], tmp_path / "v.mp4", OUTPUT[1])
    finally:
        signal.signal(signal.SIGINT, before)
    assert list(tmp_path.iterdir()) == []


class EventServer:
    """A gateway with one job: /api/status returns its state, and a subclass sends events on a new WebSocket."""

    def __init__(self) -> None:
        self.job: dict[str, Any] = {"job_id": "1", "status": "running", "revision": 5, "progress": {"value": 0.5}}
        self.client_timed_out = False
        self.status_requested = threading.Event()

    def send_events(self, socket: ServerConnection) -> None:
        raise NotImplementedError

    def handle(self, socket: ServerConnection) -> None:
        socket.recv()
        send(socket, "hello")
        self.send_events(socket)
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            time.sleep(0.05)
            try:
                send(socket, "ping")
            except ConnectionClosed:
                return
        self.client_timed_out = True

    def respond(self, _: ServerConnection, request: Request) -> Response | None:
        if request.path == "/api/ws":
            return None
        body = json.dumps(self.job).encode()
        self.status_requested.set()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
        return Response(200, "OK", Headers(headers), body)

    @contextmanager
    def client(self) -> Iterator[Client]:
        with serve(self.handle, "127.0.0.1", 0, process_request=self.respond) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with Client(f"http://127.0.0.1:{server.socket.getsockname()[1]}") as client:
                client._token = "any"
                yield client


def send(socket: ServerConnection, type_: str, job_id: str | None = None, at_revision: int = 0, **data: Any) -> None:
    socket.send(json.dumps({"type": type_, "job_id": job_id, "revision": at_revision, "data": data}))


def test_a_job_that_ends_before_the_snapshot_is_not_waited_for() -> None:
    """The snapshot already contains the terminal state, so no event is sent for it."""

    class EndsBeforeSnapshot(EventServer):
        def send_events(self, socket: ServerConnection) -> None:
            self.status_requested.wait(0.5)
            self.job = self.job | {"status": "succeeded", "revision": 6}
            send(socket, "snapshot")

    gateway = EndsBeforeSnapshot()
    with gateway.client() as client:
        assert [job.status for job in client.follow("1")][-1] == "succeeded"
    assert not gateway.client_timed_out


def test_an_event_with_an_old_revision_is_ignored() -> None:
    class SendsOldRevisions(EventServer):
        def send_events(self, socket: ServerConnection) -> None:
            send(socket, "snapshot")
            send(socket, "job.progress", "1", 4, progress={"value": 0.4})
            send(socket, "job.progress", "2", 9, progress={"value": 0.1})
            send(socket, "job.progress", "1", 6, progress={"value": 0.6})
            send(socket, "job.progress", "1", 5, progress={"value": 0.5})
            send(socket, "job.status", "1", 7, status="succeeded", revision=7, progress={"value": 1})

    with SendsOldRevisions().client() as client:
        seen = [(job.status, job.progress.value) for job in client.follow("1")]
    assert seen == [("running", 0.5), ("running", 0.6), ("succeeded", 1)]
