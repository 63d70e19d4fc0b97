"""A client of the gateway: HTTP for questions, the WebSocket for what happens meanwhile."""

import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

Json = dict[str, Any]

UPDATES: Final = ("job.status", "job.progress", "queue.position")
ENDED: Final = ("succeeded", "failed", "canceled")
TRIES: Final = 5
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
        """Sign in; with `register`, make the account first if there is none yet."""
        body = {"email": email, "password": password}
        if register:
            answer = self._http.post("/api/auth/register", json=body)
            if answer.status_code != httpx.codes.CONFLICT:
                _checked(answer)
        self._credentials = (email, password)
        self._token = _checked(self._http.post("/api/auth/login", json=body))["access_token"]

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
        partial = path.with_name(f".{path.name}.partial")
        digest = hashlib.sha256()
        with self._http.stream("GET", output["url"]) as answer:
            answer.raise_for_status()
            with partial.open("wb") as file:
                for chunk in answer.iter_bytes():
                    digest.update(chunk)
                    file.write(chunk)
        if digest.hexdigest() != output["sha256"]:
            partial.unlink()
            raise ValueError("the video was damaged on the way: try again")
        partial.replace(path)

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
            job = self.status(job_id)
            yield job
            while True:
                event = json.loads(socket.recv(timeout=SILENCE_SECONDS))
                if event["job_id"] == job_id and event["type"] in UPDATES:
                    job |= event["data"]
                    yield job

    def _ask(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> Json:
        """One request; again while the gateway is away, and once more after the access token has expired."""
        for attempt in range(TRIES):
            sent = (headers or {}) | {"Authorization": f"Bearer {self._token}"}
            try:
                answer = self._http.request(method, path, headers=sent, **more)
            except httpx.TransportError:
                if attempt == TRIES - 1:
                    raise
                time.sleep(RECONNECT_SECONDS)
                continue
            if answer.status_code == httpx.codes.UNAUTHORIZED and attempt == 0:
                self.sign_in(*self._credentials)
                continue
            return _checked(answer)
        raise AssertionError("unreachable: the last try returns or raises")


def _checked(answer: httpx.Response) -> Json:
    is_json = "json" in answer.headers.get("content-type", "")
    body: Json = answer.json() if is_json else {"detail": f"{answer.status_code} {answer.reason_phrase}"}
    if answer.is_error:
        raise Problem(answer.status_code, body)
    return body
