"""`python -m api` as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from db.embedded import Postgres, free_port


def test_it_serves_and_stops_on_sigterm(postgres: Postgres, tmp_path: Path) -> None:
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": postgres.url,
        "SECRET_KEY": "a secret key of the tests, and long enough",
        "STORAGE_DIR": str(tmp_path),
        "STORAGE_SIGNING_KEY": "a signing key of the tests, and long enough",
    }
    command = [sys.executable, "-m", "api", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        assert wait_until_healthy(port).json()["status"] == "ok", (tmp_path / "log").read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)


def test_missing_settings_are_named_without_values(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "SECRET_KEY": "short and secret", "DATABASE_URL": "postgresql://a/b"}
    command = [sys.executable, "-m", "api", "--port", str(free_port())]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode != 0
    assert "STORAGE_DIR" in process.stderr
    assert "short and secret" not in process.stderr


def wait_until_healthy(port: int) -> httpx.Response:
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
