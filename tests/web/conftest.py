"""A system with the web app, and the browser journeys that run against it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cli.system.data_dir import DataDir
from cli.system.web import SOURCES, WebApp, WebUnavailable
from db.embedded import free_port

FOLDER = Path(__file__).parent
# The first start installs the dependencies and builds the app.
START_TIMEOUT_SECONDS = 420
JOURNEY_TIMEOUT_SECONDS = 900
# Short enough to expire within a journey, long enough for a busy machine: pages renew it after half of this time.
ACCESS_TOKEN_SECONDS = 60
SETTINGS = {
    "ACCESS_TOKEN_SECONDS": str(ACCESS_TOKEN_SECONDS),
    "SECONDS_PER_DAY": "100000",
    "REGISTRATIONS_PER_MINUTE": "600",
    "SUBMISSIONS_PER_MINUTE": "600",
    "AURA_DESIGN_PAGE": "1",
}


@dataclass(frozen=True)
class WebSystem:
    data_dir: DataDir
    url: str
    gateway_url: str

    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = json.loads(self.data_dir.processes_file.read_text())
        return pids


@pytest.fixture(scope="session")
def chromium() -> str:
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if browser is None:
        pytest.skip("no browser: install Debian's package chromium, or set CHROMIUM")
    return browser


@pytest.fixture(scope="session")
def web_system(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSystem]:
    """`aura up` with the web app, as a user starts it."""
    port, web_port = free_port(), free_port()
    try:
        WebApp(web_port).require()
    except WebUnavailable as error:
        pytest.skip(f"no web app: {error}")
    data_dir = DataDir(tmp_path_factory.mktemp("web"))
    data_dir.create()
    options = ["--data-dir", str(data_dir.path), "--port", str(port), "--web-port", str(web_port)]
    with data_dir.log("up").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "up", *options],
            stdout=log,
            stderr=log,
            env=os.environ | SETTINGS,
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while "ready\n" not in data_dir.log("up").read_text():
            assert process.poll() is None, data_dir.log("up").read_text()
            assert time.monotonic() < deadline, data_dir.log("up").read_text()
            time.sleep(0.2)
        assert "  web app  " in data_dir.log("up").read_text(), data_dir.log("up").read_text()
        yield WebSystem(data_dir, f"http://127.0.0.1:{web_port}", f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(90)


@dataclass(frozen=True)
class Account:
    email: str
    password: str = "correct horse battery staple"

    def as_json(self) -> str:
        return json.dumps({"email": self.email, "password": self.password})


def register(system: WebSystem, name: str) -> Account:
    account = Account(f"{name}@example.org")
    body = {"email": account.email, "password": account.password}
    answer = httpx.post(f"{system.gateway_url}/api/auth/register", json=body, timeout=60)
    assert answer.status_code == 201, answer.text
    return account


@pytest.fixture(scope="session")
def staff(web_system: WebSystem) -> Account:
    """An administrator, who may moderate too."""
    account = register(web_system, "staff")
    command = ["-m", "cli.main", "users", "role", account.email, "admin", "--data-dir", str(web_system.data_dir.path)]
    subprocess.run([sys.executable, *command], check=True, capture_output=True, timeout=60)
    return account


@pytest.fixture
def run_journey(web_system: WebSystem, chromium: str, staff: Account) -> Callable[..., str]:
    """Run a script of this folder against the system. AURA_TEST_SHOTS names a folder for its pictures."""

    def run(name: str, **variables: str) -> str:
        environment = os.environ | {"AURA_WEB": web_system.url, "CHROMIUM": chromium} | variables
        environment |= {
            "AURA_STAFF": staff.as_json(),
            "AURA_PROCESSES": str(web_system.data_dir.processes_file),
            "AURA_ACCESS_TOKEN_SECONDS": str(ACCESS_TOKEN_SECONDS),
        }
        environment["SHOTS"] = os.environ.get("AURA_TEST_SHOTS", "")
        command = ["node", str(FOLDER / f"{name}.mjs")]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=JOURNEY_TIMEOUT_SECONDS, check=False
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def frontend() -> Path:
    if not (SOURCES / "node_modules").is_dir() or shutil.which("npm") is None:
        pytest.skip("no Node.js, or the dependencies of the web app are not installed: `make web-dependencies`")
    return SOURCES
