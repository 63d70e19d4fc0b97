"""A client of the gateway: HTTP for questions, the WebSocket for what happens meanwhile."""

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

Json = dict[str, Any]
T = TypeVar("T")

UPDATES: Final = ("job.status", "job.progress", "queue.position")
ENDED: Final = ("succeeded", "failed", "canceled")
PASSING: Final = (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT)
PATIENCE_SECONDS: Final = 60.0
"""A gateway that is away for longer is given up."""
RECONNECT_SECONDS: Final = 1.0
SILENCE_SECONDS: Final = 30.0


class Problem(Exception):
    """The gateway refused; `code` is stable, the message is one line for people."""

    def __init__(self, status: int, body: Json) -> None:
        self.status = status
        self.code = str(body.get("code", f"http_{status}"))
        super().__init__(self._line(body))

    @staticmethod
    def _line(body: Json) -> str:
        details = [
            f"{error['pointer'].lstrip('/') or 'request'}: {error['detail']}" for error in body.get("errors", [])
        ]
        return "; ".join(details) or str(body.get("detail") or body.get("title") or "the gateway refused")


class Away(Problem):
    """Not now: the same request may work after a pause of so many seconds."""

    def __init__(self, status: int, body: Json, retry_after: str) -> None:
        super().__init__(status, body)
        self.pause = max(float(retry_after) if retry_after.isdecimal() else 0, RECONNECT_SECONDS)


class Client:
    """One signed-in user of one gateway."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, timeout=30)
        self._token = ""
        self._credentials = ("", "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def sign_in(self, email: str, password: str, *, register: bool = False) -> None:
        """Sign in; with `register`, make the account first if there is none yet. No answer at all is not waited for."""
        self._credentials = (email, password)
        if register:
            _patiently(self._register, (Away,))
        _patiently(self._login, (Away,))

    def generate(self, spec: Json) -> str:
        """Queue a job and return its id. Sent again when the answer is lost: the key makes it one job."""
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return str(self._ask("POST", "/api/generate", json=spec, headers=key)["job_id"])

    def status(self, job_id: str) -> Json:
        return self._ask("GET", f"/api/status/{job_id}")

    def cancel(self, job_id: str) -> Json:
        return self._ask("POST", f"/api/jobs/{job_id}/cancel")

    def result(self, job_id: str) -> Json:
        return self._ask("GET", f"/api/result/{job_id}", headers={"Accept": "application/json"})

    def download(self, output: Json, path: Path) -> None:
        """Fetch an output to `path`, which appears only whole; ValueError when its checksum is not the promised one."""
        partial = path.with_name(f".aura-{os.getpid()}.partial")
        try:
            if _patiently(lambda: self._fetch(output["url"], partial)) != output["sha256"]:
                raise ValueError("the video was damaged on the way: try again")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def follow(self, job_id: str) -> Iterator[Json]:
        """The job as it changes, until it ends. A lost connection is made again; the snapshot fills the gap."""
        while True:
            try:
                for job in self._events(job_id):
                    yield job
                    if job["status"] in ENDED:
                        return
            except (OSError, TimeoutError, WebSocketException):
                time.sleep(RECONNECT_SECONDS)
            job = self.status(job_id)
            yield job
            if job["status"] in ENDED:
                return

    def _events(self, job_id: str) -> Iterator[Json]:
        address = self.url.replace("http", "ws", 1) + "/api/ws"
        with connect(address, open_timeout=10, close_timeout=1) as socket:
            socket.send(json.dumps({"type": "auth", "token": self._token}))
            while _hear(socket)["type"] != "snapshot":
                continue
            job = self.status(job_id)  # every change after the snapshot is told; what came before is asked for
            yield job
            while True:
                event = _hear(socket)
                if event["type"] in UPDATES and event["job_id"] == job_id and event["revision"] >= job["revision"]:
                    job |= event["data"] | {"revision": event["revision"]}
                    yield job

    def _register(self) -> None:
        email, password = self._credentials
        answer = self._http.post("/api/auth/register", json={"email": email, "password": password})
        if answer.status_code != httpx.codes.CONFLICT:
            _checked(answer)

    def _login(self) -> None:
        email, password = self._credentials
        answer = self._http.post("/api/auth/login", json={"email": email, "password": password})
        self._token = _checked(answer)["access_token"]

    def _ask(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> Json:
        """One question; again while the gateway is away, and once more after the access token has expired."""

        def send() -> httpx.Response:
            sent = (headers or {}) | {"Authorization": f"Bearer {self._token}"}
            return self._http.request(method, path, headers=sent, **more)

        def ask() -> Json:
            answer = send()
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self._login()
                answer = send()
            return _checked(answer)

        return _patiently(ask)

    def _fetch(self, url: str, path: Path) -> str:
        """The checksum of what was written to `path`."""
        digest = hashlib.sha256()
        with self._http.stream("GET", url) as answer, path.open("wb") as file:
            if answer.is_error:
                answer.read()
                _checked(answer)
            for chunk in answer.iter_bytes():
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()


def _hear(socket: ClientConnection) -> Json:
    message: Json = json.loads(socket.recv(timeout=SILENCE_SECONDS))
    return message


def _patiently(ask: Callable[[], T], passing: tuple[type[Exception], ...] = (Away, httpx.TransportError)) -> T:
    """What `ask` gives; asked again after errors that may pass, until the patience is at its end."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except passing as error:
            pause = error.pause if isinstance(error, Away) else RECONNECT_SECONDS
            if time.monotonic() + pause > end:
                raise
        time.sleep(pause)


def _checked(answer: httpx.Response) -> Json:
    is_json = "json" in answer.headers.get("content-type", "")
    body: Json = answer.json() if is_json else {"detail": f"{answer.status_code} {answer.reason_phrase}"}
    if answer.status_code in PASSING:
        raise Away(answer.status_code, body, answer.headers.get("retry-after", ""))
    if answer.is_error:
        raise Problem(answer.status_code, body)
    return body
