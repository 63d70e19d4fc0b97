"""`aura up`: stale addresses, a port in use, a database that fails to restart, and a killed `aura up`."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from cli.system import supervised_process
from cli.system.address import StartFailed, gateway_url, require_free_port, running_gateway_url
from cli.system.data_dir import DataDir
from cli.system.supervised_process import SupervisedProcess
from cli.system.up import MODULES, System
from db.ports import free_port
from tests.cli.system.conftest import wait_until


class AlwaysOk(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def foreign_url(data_dir: DataDir) -> Iterator[str]:
    """The URL of another program, which the address file of the data directory names."""
    with HTTPServer(("127.0.0.1", 0), AlwaysOk) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        data_dir.address_file.write_text(f"http://127.0.0.1:{server.server_port}")
        yield data_dir.address_file.read_text()
        server.shutdown()


def test_the_address_file_is_ignored_unless_the_data_directory_is_locked(data_dir: DataDir, foreign_url: str) -> None:
    assert running_gateway_url(data_dir) is None
    with data_dir.lock():
        assert running_gateway_url(data_dir) == foreign_url


def test_a_stale_address_file_is_deleted_before_the_start(data_dir: DataDir, foreign_url: str) -> None:
    used_port = int(foreign_url.rpartition(":")[2])
    exists: list[bool] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.raises(StartFailed):
        System(
            data_dir, host="127.0.0.1", port=used_port, echo=lambda _: exists.append(data_dir.address_file.exists())
        ).run()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert exists == [False], "deleted at the start, not only at the end"


def test_a_port_in_use_is_reported_before_anything_is_started() -> None:
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        with pytest.raises(StartFailed, match="choose another one with --port"):
            require_free_port("127.0.0.1", used.getsockname()[1])


def test_the_port_is_checked_on_the_host_of_the_gateway() -> None:
    with socket.socket(socket.AF_INET6) as used:
        try:
            used.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"this machine has no IPv6: {error}")
        port = used.getsockname()[1]
        used.listen()
        with pytest.raises(StartFailed, match=f"port {port} of ::1: Address already in use"):
            require_free_port("::1", port)
    require_free_port("::1", port)


GATEWAY_URLS = {
    "127.0.0.1": "http://127.0.0.1:8000",
    "0.0.0.0": "http://127.0.0.1:8000",
    "::": "http://[::1]:8000",
    "::1": "http://[::1]:8000",
    "aura.example": "http://aura.example:8000",
}


@pytest.mark.parametrize("host", GATEWAY_URLS)
def test_the_public_url_is_reachable_from_this_machine(
    host: str, data_dir: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PUBLIC_URL", raising=False)
    monkeypatch.chdir(data_dir.path)
    url = System(data_dir, host=host, port=8000, echo=print).url
    assert url == gateway_url(host, 8000) == GATEWAY_URLS[host]
    assert data_dir.environment("", url)["PUBLIC_URL"] == url
    monkeypatch.setenv("PUBLIC_URL", "https://aura.example")
    assert data_dir.environment("", url)["PUBLIC_URL"] == "https://aura.example"


def test_no_process_gets_settings_that_it_does_not_use(data_dir: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """The roles that may change tables, and the keys of the others."""
    for name in ("OWNER_DATABASE_URL", "ADMIN_DATABASE_URL"):
        monkeypatch.setenv(name, "postgresql://owner@host/name")
    system = System(data_dir, host="127.0.0.1", port=1, echo=lambda _: None)
    environment = data_dir.environment("postgresql://aura@host/name", system.url)
    passed: dict[str, set[str]] = {}
    monkeypatch.setattr(SupervisedProcess, "start", lambda own: passed.update({own.name: set(own._environment)}))
    for name in MODULES:
        system._start_process(name, environment)
    secrets = {"SECRET_KEY", "DATABASE_URL", "OWNER_DATABASE_URL", "ADMIN_DATABASE_URL", "RAY_AUTH_TOKEN_PATH"}
    assert {name: names & secrets for name, names in passed.items()} == {
        "ray": {"RAY_AUTH_TOKEN_PATH"},
        "gateway": {"SECRET_KEY", "DATABASE_URL"},
        "dispatcher": {"DATABASE_URL", "RAY_AUTH_TOKEN_PATH"},
    }


def test_a_database_url_in_dotenv_is_used(data_dir: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://mine/d\n")
    system = System(data_dir, host="127.0.0.1", port=free_port(), echo=print)
    try:
        assert system._start_database() == "postgresql://mine/d"
    finally:
        if system._postgres:
            system._postgres.stop()


def test_a_database_that_fails_to_restart_is_retried_with_backoff(
    data_dir: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a full disk, the file of process ids cannot be written either."""
    monkeypatch.setattr(supervised_process, "BACKOFF_SECONDS", (0.3,))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    messages: list[str] = []
    system = System(data_dir, host="127.0.0.1", port=free_port(), echo=messages.append)
    system._start_database()
    postgres = system._postgres
    assert postgres
    try:
        postgres.kill()
        settings = postgres.data_dir / "cluster" / "postgresql.auto.conf"
        settings.write_text("nonsense = 1\n")
        data_dir.processes_file.with_suffix(".partial").mkdir()
        system._restart_if_needed()
        assert [line for line in messages if line.startswith("postgres did not start: PostgreSQL did not start")]
        count = len(messages)
        system._restart_if_needed()
        assert len(messages) == count, "no retry before the backoff is over"
        settings.write_text("")
        wait_until(lambda: system._restart_if_needed() or postgres.pid)
    finally:
        postgres.stop()


def start_gateway(data_dir: DataDir, environment: dict[str, str]) -> tuple[System, list[str]]:
    """A system of a gateway alone, and the lines that it prints."""
    lines: list[str] = []
    system = System(data_dir, host="127.0.0.1", port=free_port(), echo=lines.append)
    values = data_dir.environment("postgresql://nobody:@127.0.0.1:1/nothing", system.url)
    system._start_process("gateway", values | environment, "--port", str(free_port()))
    return system, lines


def test_a_process_that_ends_before_it_is_ready_is_reported_at_once_with_its_cause(data_dir: DataDir) -> None:
    """Not started again, and lines of an earlier run are not taken for its own."""
    data_dir.log("gateway").write_text('{"event": "a failure of last week", "level": "error"}\n')
    system, lines = start_gateway(data_dir, {"SECRET_KEY": "short"})
    (gateway,) = system._processes
    with pytest.raises(StartFailed, match=r"gateway exited with status 2: api: SECRET_KEY .*gateway\.log\)$") as failed:
        wait_until(lambda: system._raise_if_start_failed(is_late=False))
    assert (gateway.starts, lines, "\n" in str(failed.value)) == (1, ["starting gateway"], False)


def test_a_process_that_is_not_ready_in_time_is_named_with_its_newest_line(data_dir: DataDir) -> None:
    system, _ = start_gateway(data_dir, {"SECRET_KEY": "k" * 64})
    (gateway,) = system._processes
    try:
        with pytest.raises(StartFailed, match="gateway is not ready after 180 s: it has written nothing"):
            system._raise_if_start_failed(is_late=True)
    finally:
        gateway.terminate()
        gateway.wait(10)


ONLY_DATABASE = """
import sys, time
from pathlib import Path
from cli.system.address import StartFailed, gateway_url, require_free_port, running_gateway_url
from cli.system.data_dir import DataDir
from cli.system.up import System
system = System(DataDir(Path(sys.argv[1])), host="127.0.0.1", port=1, echo=lambda _: None)
system._start_database()
print(system._postgres.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sends a signal when the parent dies")
def test_the_database_stops_when_aura_up_is_killed(data_dir: DataDir) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-c", ONLY_DATABASE, str(data_dir.path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        assert psutil.pid_exists(pid)
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid))
