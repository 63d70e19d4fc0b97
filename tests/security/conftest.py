"""A gateway process as it runs in production, and the scale of the attacks: short in every run, long on request."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest

from db.embedded import Postgres, free_port
from tests.faults.process import Process, wait_until

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
PASSWORD = "correct horse battery"
COSTS = pytest.StashKey[dict[str, float]]()
TABLE = pytest.StashKey[list["Measurement"]]()
GENERATED = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--security", default="short", choices=("short", "all"), help="all: long and wide attacks")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("security", default="short") == "all":
        return
    deselected = [item for item in items if item.get_closest_marker("long_attack")]
    items[:] = [item for item in items if item not in deselected]
    config.hook.pytest_deselected(items=deselected)


@dataclass(frozen=True)
class Scale:
    connections: int
    seconds: float


class Measurement(NamedTuple):
    """The longest wait of another client during a flood, and the growth of the gateway's memory."""

    kind: str
    longest_wait_seconds: float
    growth_bytes: int


@pytest.fixture(scope="session")
def measurements(pytestconfig: pytest.Config) -> list[Measurement]:
    """The rows of the table at the end of the run."""
    return pytestconfig.stash.setdefault(TABLE, [])


@pytest.fixture(scope="session")
def costs(pytestconfig: pytest.Config) -> dict[str, float]:
    """The memory of one connection in kilobytes, by kind."""
    return pytestconfig.stash.setdefault(COSTS, {})


@pytest.fixture(scope="session")
def generated(pytestconfig: pytest.Config) -> dict[str, str]:
    """How many requests were generated, by caller."""
    return pytestconfig.stash.setdefault(GENERATED, {})


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if costs := config.stash.get(COSTS, {}):
        terminalreporter.section("memory of one connection")
        terminalreporter.write_line("| connection | memory |")
        terminalreporter.write_line("| --- | --- |")
        for kind, kilobytes in costs.items():
            terminalreporter.write_line(f"| {kind} | {kilobytes:.0f} kB |")
    if generated := config.stash.get(GENERATED, {}):
        terminalreporter.section("generated requests")
        for caller, numbers in generated.items():
            terminalreporter.write_line(f"{caller}: {numbers}")
    if rows := config.stash.get(TABLE, []):
        terminalreporter.section("floods")
        terminalreporter.write_line("| flood | longest wait of another client | growth of the gateway |")
        terminalreporter.write_line("| --- | --- | --- |")
        for row in rows:
            terminalreporter.write_line(
                f"| {row.kind} | {row.longest_wait_seconds:.2f} s | {row.growth_bytes / 1e6:.1f} MB |"
            )


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Scale:
    return Scale(60, 8) if pytestconfig.getoption("security", default="short") == "all" else Scale(4, 1)


@dataclass
class GatewayProcess:
    process: Process
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory_bytes(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss

    def descriptors(self) -> int:
        return psutil.Process(self.process.pid).num_fds()

    def log(self) -> str:
        return self.process.log.read_text(errors="replace")


StartGateway = Callable[..., GatewayProcess]


@pytest.fixture(scope="session")
def start_gateway(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartGateway]:
    """Starts `python -m api` with settings, and with a limit on file descriptors if one is given."""
    with ExitStack() as running:

        def start(descriptors: int | None = None, **settings: str) -> GatewayProcess:
            folder, port = tmp_path_factory.mktemp("gateway"), free_port()
            command = [sys.executable, "-m", "api", "--port", str(port)]
            if descriptors is not None:
                command = ["bash", "-c", f'ulimit -n {descriptors} && exec "$@"', "bash", *command]
            environment = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "DATABASE_URL": postgres.url,
                "SECRET_KEY": secrets.token_hex(32),
                "STORAGE_DIR": str(folder / "objects"),
                "STORAGE_SIGNING_KEY": secrets.token_hex(32),
                **settings,
            }
            process = Process("gateway", command, environment, folder)
            process.start()
            running.callback(process.kill)
            gateway = GatewayProcess(process, port)
            wait_until(lambda: _is_healthy(gateway), START_SECONDS, "the gateway is healthy")
            return gateway

        yield start


def _is_healthy(gateway: GatewayProcess) -> bool:
    assert gateway.process.is_alive, gateway.process.log_tail()
    try:
        return httpx.get(f"{gateway.url}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def gateway(start_gateway: StartGateway) -> GatewayProcess:
    """One gateway for all attacks. Its limits on new connections would end most floods at once, so it has none."""
    return start_gateway(NEW_CONNECTIONS_PER_MINUTE="1000000", SUBMISSIONS_PER_MINUTE="100000", QUEUED_PER_USER="1000")


@contextmanager
def sign_in(gateway: GatewayProcess) -> Iterator[httpx.Client]:
    """A client with a new account."""
    account = {"email": f"{secrets.token_hex(4)}@example.org", "password": PASSWORD}
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        client.post("/api/auth/register", json=account).raise_for_status()
        response = client.post("/api/auth/login", json=account).raise_for_status()
        client.headers["Authorization"] = f"Bearer {response.json()['access_token']}"
        yield client


@pytest.fixture
def user(gateway: GatewayProcess) -> Iterator[httpx.Client]:
    with sign_in(gateway) as client:
        yield client
