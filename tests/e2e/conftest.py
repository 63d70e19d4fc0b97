"""One real system for all of these tests: `aura up` in a folder of its own, as a user would start it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from cli.client import Client
from cli.home import LOCAL_EMAIL, Home

START_SECONDS = 150
JOB_SECONDS = 240


@dataclass
class Running:
    """A system that is up, and a client that is signed in to it."""

    home: Home
    url: str
    client: Client

    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = json.loads(self.home.processes_file.read_text())
        return pids

    def finish(self, job_id: str) -> dict[str, Any]:
        """The job once it has ended."""
        end = time.monotonic() + JOB_SECONDS
        while time.monotonic() < end:
            job = self.client.status(job_id)
            if job["status"] in ("succeeded", "failed", "canceled"):
                return job
            time.sleep(0.1)
        raise TimeoutError(f"{job_id} did not end: {job}")

    def video(self, **spec: Any) -> tuple[dict[str, Any], bytes]:
        """The description of a finished video, and its bytes."""
        job = self.finish(self.client.generate(spec))
        assert job["status"] == "succeeded", job["error"]
        result = self.client.result(job["job_id"])
        video = next(output for output in result["outputs"] if output["kind"] == "video")
        return video | {"resolved": result["resolved"]}, httpx.get(video["url"]).content


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = Home(tmp_path_factory.mktemp("aura"))
    home.create()
    port = free_port()
    command = [sys.executable, "-m", "cli.main", "up", "--data-dir", str(home.path), "--port", str(port), "--no-web"]
    with home.log("up").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"SECONDS_PER_DAY": "100000"})
    try:
        _wait(process, home)
        url = f"http://127.0.0.1:{port}"
        with Client(url) as client:
            client.sign_in(LOCAL_EMAIL, home.secrets["PASSWORD"], register=True)
            yield Running(home, url, client)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0


def _wait(process: "subprocess.Popen[bytes]", home: Home) -> None:
    end = time.monotonic() + START_SECONDS
    while "ready\n" not in home.log("up").read_text():
        assert process.poll() is None, home.log("up").read_text()
        assert time.monotonic() < end, home.log("ray").read_text()[-3000:]
        time.sleep(0.2)
