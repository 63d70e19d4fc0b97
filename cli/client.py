"""A client of the gateway: requests over HTTP, job updates over the WebSocket."""

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

UPDATE_EVENTS: Final = ("job.status", "job.progress", "queue.position")
TERMINAL_STATES: Final = ("succeeded", "failed", "canceled")
TRANSIENT_STATUSES: Final = (
    httpx.codes.BAD_GATEWAY,
    httpx.codes.SERVICE_UNAVAILABLE,
    httpx.codes.GATEWAY_TIMEOUT,
)
# How long a request to an unavailable gateway is retried.
RETRY_TIMEOUT_SECONDS: Final = 60.0
RETRY_INTERVAL_SECONDS: Final = 1.0
# The gateway sends a ping more often than this.
RECEIVE_TIMEOUT_SECONDS: Final = 30.0


class ApiError(Exception):
    """An error response of the gateway. `code` is stable; the message is one line for the user."""

    def __init__(self, status: int, body: Json) -> None:
        self.status = status
        self.code = str(body.get("code", f"http_{status}"))
        details = [
            f"{error['pointer'].lstrip('/') or 'request'}: {error['detail']}" for error in body.get("errors", [])
        ]
        message = "; ".join(details) or body.get("detail") or body.get("title")
        super().__init__(str(message or f"the gateway responded with status {status}"))


class GatewayUnavailable(ApiError):
    """A temporary error: the same request may succeed after `retry_after` seconds."""

    def __init__(self, status: int, body: Json, retry_after: str) -> None:
        super().__init__(status, body)
        # Retry-After may also be a date, which is ignored.
        self.retry_after = max(float(retry_after) if retry_after.isdecimal() else 0, RETRY_INTERVAL_SECONDS)


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
        """Sign in; with `register`, create the account if that fails. Connection errors are not retried."""
        self._credentials = (email, password)
        try:
            _retry(self._log_in, (GatewayUnavailable,))
        except ApiError as error:
            if not register or error.code != "wrong_credentials":
                raise
            _retry(self._register, (GatewayUnavailable,))
            _retry(self._log_in, (GatewayUnavailable,))

    def generate(self, spec: Json) -> str:
        """Submit a job and return its id. The Idempotency-Key makes it safe to retry."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return str(self._request("POST", "/api/generate", json=spec, headers=headers)["job_id"])

    def status(self, job_id: str) -> Json:
        return self._request("GET", f"/api/status/{job_id}")

    def cancel(self, job_id: str) -> Json:
        return self._request("POST", f"/api/jobs/{job_id}/cancel")

    def result(self, job_id: str) -> Json:
        return self._request("GET", f"/api/result/{job_id}", headers={"Accept": "application/json"})

    def download(self, output: Json, path: Path) -> None:
        """Download an output to `path` atomically. ValueError if its checksum does not match."""
        partial = path.with_name(f".aura-{os.getpid()}.partial")
        try:
            if _retry(lambda: self._fetch(output["url"], partial)) != output["sha256"]:
                raise ValueError("the downloaded video is corrupt (its checksum does not match): try again")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def follow(self, job_id: str) -> Iterator[Json]:
        """The job after each change, until a terminal state. Reconnects after a lost connection."""
        while True:
            try:
                for job in self._updates(job_id):
                    yield job
                    if job["status"] in TERMINAL_STATES:
                        return
            except (OSError, TimeoutError, WebSocketException):
                time.sleep(RETRY_INTERVAL_SECONDS)
            job = self.status(job_id)
            yield job
            if job["status"] in TERMINAL_STATES:
                return

    def _updates(self, job_id: str) -> Iterator[Json]:
        url = self.url.replace("http", "ws", 1) + "/api/ws"
        with connect(url, open_timeout=10, close_timeout=1) as socket:
            socket.send(json.dumps({"type": "auth", "token": self._token}))
            while _receive(socket)["type"] != "snapshot":
                continue
            # Only changes after the snapshot are sent as events.
            job = self.status(job_id)
            yield job
            while True:
                event = _receive(socket)
                is_update = event["type"] in UPDATE_EVENTS and event["job_id"] == job_id
                if is_update and event["revision"] >= job["revision"]:
                    job |= event["data"] | {"revision": event["revision"]}
                    yield job

    def _register(self) -> None:
        email, password = self._credentials
        _parse(self._http.post("/api/auth/register", json={"email": email, "password": password}))

    def _log_in(self) -> None:
        email, password = self._credentials
        response = self._http.post("/api/auth/login", json={"email": email, "password": password})
        self._token = _parse(response)["access_token"]

    def _request(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> Json:
        """Send a request, with retries while the gateway is unavailable, and sign in again if the token has expired."""

        def send() -> httpx.Response:
            authorization = {"Authorization": f"Bearer {self._token}"}
            return self._http.request(method, path, headers=(headers or {}) | authorization, **options)

        def send_signed_in() -> Json:
            response = send()
            if response.status_code == httpx.codes.UNAUTHORIZED:
                self._log_in()
                response = send()
            return _parse(response)

        return _retry(send_signed_in)

    def _fetch(self, url: str, path: Path) -> str:
        """Download to `path` and return the SHA-256 of the content."""
        digest = hashlib.sha256()
        with self._http.stream("GET", url) as response, path.open("wb") as file:
            if response.is_error:
                response.read()
                _parse(response)
            for chunk in response.iter_bytes():
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()


def _receive(socket: ClientConnection) -> Json:
    message: Json = json.loads(socket.recv(timeout=RECEIVE_TIMEOUT_SECONDS))
    return message


def _retry(
    function: Callable[[], T],
    transient: tuple[type[Exception], ...] = (GatewayUnavailable, httpx.TransportError),
) -> T:
    """Call `function` again after transient errors, for at most RETRY_TIMEOUT_SECONDS."""
    deadline = time.monotonic() + RETRY_TIMEOUT_SECONDS
    while True:
        try:
            return function()
        except transient as error:
            delay = error.retry_after if isinstance(error, GatewayUnavailable) else RETRY_INTERVAL_SECONDS
            if time.monotonic() + delay > deadline:
                raise
        time.sleep(delay)


def _parse(response: httpx.Response) -> Json:
    """The JSON body. ApiError for an error response."""
    is_json = "json" in response.headers.get("content-type", "")
    body: Json = response.json() if is_json else {"detail": f"{response.status_code} {response.reason_phrase}"}
    if response.status_code in TRANSIENT_STATUSES:
        raise GatewayUnavailable(response.status_code, body, response.headers.get("retry-after", ""))
    if response.is_error:
        raise ApiError(response.status_code, body)
    return body
