"""Jobs: submit, follow, cancel, retry, result, list, trash."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Final

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from cli.client.connection import Connection, Json
from cli.client.models import Job, Page, Result

UPDATE_EVENTS: Final = ("job.status", "job.progress", "queue.position")
RECONNECT_SECONDS: Final = 1.0
# The gateway sends a ping more often than this.
RECEIVE_TIMEOUT_SECONDS: Final = 30.0


def new_idempotency_key() -> dict[str, str]:
    """The header that makes it safe to repeat a submission."""
    return {"Idempotency-Key": str(uuid.uuid4())}


class Jobs(Connection):
    def generate(self, spec: Json) -> str:
        """Submit a job and return its id."""
        return self._send(Job, "POST", "/api/generate", json=spec, headers=new_idempotency_key()).job_id

    def status(self, job_id: str) -> Job:
        return self._get(Job, f"/api/status/{job_id}")

    def list_jobs(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        order: str | None = None,
        status: str | None = None,
        trashed: bool | None = None,
    ) -> Page[Job]:
        """A page of jobs, the newest first."""
        return self._get(Page[Job], "/api/jobs", limit=limit, after=after, order=order, status=status, trashed=trashed)

    def cancel(self, job_id: str) -> Job:
        return self._send(Job, "POST", f"/api/jobs/{job_id}/cancel")

    def retry_job(self, job_id: str) -> Job:
        """A new job for a failed or canceled one."""
        return self._send(Job, "POST", f"/api/jobs/{job_id}/retry", headers=new_idempotency_key())

    def trash_job(self, job_id: str) -> Job:
        return self._send(Job, "DELETE", f"/api/jobs/{job_id}")

    def restore_job(self, job_id: str) -> Job:
        return self._send(Job, "POST", f"/api/jobs/{job_id}/restore")

    def result(self, job_id: str) -> Result:
        return self._send(Result, "GET", f"/api/result/{job_id}", headers={"Accept": "application/json"})

    def follow(self, job_id: str) -> Iterator[Job]:
        """The job after each change, until a terminal state. Reconnects after a lost connection."""
        while True:
            try:
                for job in self._updates(job_id):
                    yield job
                    if job.is_terminal:
                        return
            except (OSError, TimeoutError, WebSocketException):
                time.sleep(RECONNECT_SECONDS)
            job = self.status(job_id)
            yield job
            if job.is_terminal:
                return

    def _updates(self, job_id: str) -> Iterator[Job]:
        url = self.url.replace("http", "ws", 1) + "/api/ws"
        with connect(url, open_timeout=10, close_timeout=1) as socket:
            socket.send(json.dumps({"type": "auth", **self._socket_credential()}))
            while _receive(socket)["type"] != "snapshot":
                continue
            # Only changes after the snapshot are sent as events.
            job = self.status(job_id)
            yield job
            while True:
                event = _receive(socket)
                is_update = event["type"] in UPDATE_EVENTS and event["job_id"] == job_id
                if is_update and event["revision"] >= job.revision:
                    job = job.changed(event["revision"], event["data"])
                    yield job

    def _socket_credential(self) -> Json:
        """The access token, or a ticket: API keys are not sent over the WebSocket."""
        if self.api_key is None:
            return {"token": self._token}
        return {"ticket": self._request("POST", "/api/ws/ticket")["ticket"]}


def _receive(socket: ClientConnection) -> Json:
    message: Json = json.loads(socket.recv(timeout=RECEIVE_TIMEOUT_SECONDS))
    return message
