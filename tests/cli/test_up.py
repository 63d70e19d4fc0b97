"""`aura up` on bad days: a port that is taken, a database that does not come back, a death without a word."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from cli import child
from cli.home import Home
from cli.temporary import free_port
from cli.up import NotStarted, System, link, require_free_port, running


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "aura")
    made.create()
    return made


class Anybody(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def address(home: Home) -> Iterator[str]:
    """Of a program that answers everybody, and that the data directory names."""
    with HTTPServer(("127.0.0.1", 0), Anybody) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        home.address_file.write_text(f"http://127.0.0.1:{server.server_port}")
        yield home.address_file.read_text()
        server.shutdown()


def test_an_address_that_a_dead_system_left_behind_is_not_believed(home: Home, address: str) -> None:
    assert running(home) is None
    with home.lock():
        assert running(home) == address


def test_a_new_system_forgets_the_address_of_a_dead_one_first(home: Home, address: str) -> None:
    taken = int(address.rpartition(":")[2])
    there: list[bool] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.raises(NotStarted):
        System(home, host="127.0.0.1", port=taken, say=lambda _: there.append(home.address_file.exists())).run()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert there == [False], "not only with the last things that it does"


def test_a_port_that_is_taken_is_said_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(NotStarted, match="choose another with --port"):
            require_free_port("127.0.0.1", taken.getsockname()[1])


def test_a_port_is_looked_for_where_the_gateway_will_listen() -> None:
    with socket.socket(socket.AF_INET6) as taken:
        try:
            taken.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"this machine has no IPv6: {error}")
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(NotStarted, match=f"port {port} of ::1: Address already in use"):
            require_free_port("::1", port)
    require_free_port("::1", port)


LINKS = {
    "127.0.0.1": "http://127.0.0.1:8000",
    "0.0.0.0": "http://127.0.0.1:8000",
    "::": "http://[::1]:8000",
    "::1": "http://[::1]:8000",
    "aura.example": "http://aura.example:8000",
}


@pytest.mark.parametrize("host", LINKS)
def test_links_lead_to_where_the_gateway_can_be_reached(host: str, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBLIC_URL", raising=False)
    monkeypatch.chdir(home.path)
    url = System(home, host=host, port=8000, say=print).url
    assert url == link(host, 8000) == LINKS[host]
    assert home.environment("", url)["PUBLIC_URL"] == url
    monkeypatch.setenv("PUBLIC_URL", "https://aura.example")
    assert home.environment("", url)["PUBLIC_URL"] == "https://aura.example"


def test_a_database_that_dotenv_names_is_taken(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://mine/d\n")
    system = System(home, host="127.0.0.1", port=free_port(), say=print)
    try:
        assert system._database() == "postgresql://mine/d"
    finally:
        if system._postgres:
            system._postgres.stop()


def test_a_database_that_does_not_come_back_at_once_is_tried_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, say: neither the database nor the list of processes can be written."""
    monkeypatch.setattr(child, "PAUSES", (0.3,))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    said: list[str] = []
    system = System(home, host="127.0.0.1", port=free_port(), say=said.append)
    system._database()
    postgres = system._postgres
    assert postgres
    try:
        postgres.kill()
        settings = postgres.data_dir / "cluster" / "postgresql.auto.conf"
        settings.write_text("nonsense = 1\n")
        home.processes_file.with_suffix(".partial").mkdir()
        system._look_after()
        assert [line for line in said if line.startswith("postgres did not start: PostgreSQL did not start")]
        count = len(said)
        system._look_after()
        assert len(said) == count, "not at once"
        settings.write_text("")
        until(lambda: system._look_after() or postgres.pid)
    finally:
        postgres.stop()


HALF_STARTED = """
import sys, time
from pathlib import Path
from cli.home import Home
from cli.up import System
system = System(Home(Path(sys.argv[1])), host="127.0.0.1", port=1, say=lambda _: None)
system._database()
print(system._postgres.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_the_database_ends_with_a_system_that_was_killed(home: Home) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-c", HALF_STARTED, str(home.path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        assert psutil.pid_exists(pid)
        process.send_signal(signal.SIGKILL)
    until(lambda: not psutil.pid_exists(pid))
