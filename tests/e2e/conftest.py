"""One system for all end-to-end tests: `aura up` in its own data directory, started as a user starts it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from cli.client import Client
from cli.system.data_dir import LOCAL_EMAIL, DataDir
from db.embedded import free_port

START_TIMEOUT_SECONDS = 150
JOB_TIMEOUT_SECONDS = 240


@dataclass
class RunningSystem:
    """A running system and a signed-in client."""

    data_dir: DataDir
    url: str
    client: Client

    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = json.loads(self.data_dir.processes_file.read_text())
        return pids

    def wait_for(self, job_id: str) -> dict[str, Any]:
        """The job in its terminal state."""
        deadline = time.monotonic() + JOB_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            job = self.client.status(job_id)
            if job.is_terminal:
                return job.json_fields()
            time.sleep(0.1)
        raise TimeoutError(f"{job_id} did not reach a terminal state: {job}")

    def generate(self, **spec: Any) -> tuple[dict[str, Any], bytes]:
        """The description of a finished video, and its bytes."""
        job = self.wait_for(self.client.generate(spec))
        assert job["status"] == "succeeded", job["error"]
        result = self.client.result(job["job_id"])
        video = result.video
        return video.json_fields() | {"resolved": result.resolved}, httpx.get(video.url).content


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    data_dir = DataDir(tmp_path_factory.mktemp("aura"))
    data_dir.create()
    port = free_port()
    options = ["--data-dir", str(data_dir.path), "--port", str(port), "--no-web"]
    with data_dir.log("up").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "up", *options],
            stdout=log,
            stderr=log,
            env=os.environ | {"SECONDS_PER_DAY": "100000"},
        )
    try:
        _wait_until_ready(process, data_dir)
        url = f"http://127.0.0.1:{port}"
        with Client(url) as client:
            client.sign_in(LOCAL_EMAIL, data_dir.secrets["PASSWORD"], register=True)
            yield RunningSystem(data_dir, url, client)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0


def _wait_until_ready(process: "subprocess.Popen[bytes]", data_dir: DataDir) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while "ready\n" not in data_dir.log("up").read_text():
        assert process.poll() is None, data_dir.log("up").read_text()
        assert time.monotonic() < deadline, data_dir.log("ray").read_text()[-3000:]
        time.sleep(0.2)
