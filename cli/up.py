"""`aura up`: PostgreSQL, Ray, dispatcher and gateway on this machine, in order, kept running until a signal comes."""

import contextlib
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from threading import Event
from typing import Final

import httpx
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from cli.child import Child, Pauses
from cli.home import Home, set_by_operator, write_json
from db.embedded import Postgres
from db.errors import PostgresFailed
from db.migrate import upgrade

Say = Callable[[str], None]

READY_SECONDS: Final = 180
WATCH_SECONDS: Final = 0.5
STOP_SECONDS: Final = {"dispatcher": 30, "gateway": 10, "ray": 30}
LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a link says for "all interfaces"


class NotStarted(Exception):
    """A part of the system did not come up; the message says which and what it said."""


class System:
    """Everything that one data directory runs."""

    def __init__(self, home: Home, *, host: str, port: int, say: Say) -> None:
        self.url = link(host, port)
        self._home, self._host, self._port, self._say = home, host, port, say
        self._postgres: Postgres | None = None
        self._postgres_pauses = Pauses()
        self._children: list[Child] = []
        self._stop = Event()

    def run(self) -> None:
        """Start, wait until ready, watch until a signal, stop. NotStarted or Busy when that cannot be."""
        self._home.create()
        lock = self._home.lock()
        self._home.address_file.unlink(missing_ok=True)  # of one that was killed
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop.set())
        try:
            require_free_port(self._host, self._port)
            raise_file_limit()
            self._start()
            if self._wait_until_ready():
                self._greet()
            self._watch()
        finally:
            self._end()
            lock.close()

    def _start(self) -> None:
        environment = self._home.environment(self._database(), self.url)
        bring_up_to_date(environment["DATABASE_URL"])
        python = [sys.executable, "-m"]
        commands = {
            "ray": [*python, "pipeline.cluster"],
            "gateway": [*python, "api", "--host", self._host, "--port", str(self._port)],
            "dispatcher": [*python, "pipeline.dispatch"],
        }
        for name, command in commands.items():
            self._say(f"starting {name}")
            ready = None if name == "gateway" else self._home.ready_file(name)
            child = Child(name, command, environment=environment, log=self._home.log(name), ready=ready)
            self._children.append(child)
            child.start()
        self._home.address_file.write_text(self.url)
        self._write_processes()

    def _database(self) -> str:
        """The operator's server if DATABASE_URL names one, else our own."""
        if url := set_by_operator().get("DATABASE_URL"):
            return url
        self._say("starting postgres")
        self._postgres = Postgres(self._home.path / "postgres", die_with_parent=True)
        return self._postgres.start()

    def _wait_until_ready(self) -> bool:
        end = time.monotonic() + READY_SECONDS
        while not self._stop.is_set():
            if all(child.ready for child in self._children) and self._answers():
                return True
            failed = next((child for child in self._children if child.starts > 3), None)
            if failed or time.monotonic() > end:
                late = failed or next((child for child in self._children if not child.ready), self._children[1])
                raise NotStarted(f"{late.name} did not start; its log ends with:\n{late.last_words()}")
            self._look_after()
            self._stop.wait(WATCH_SECONDS / 2)
        return False

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _greet(self) -> None:
        self._say("ready")
        self._say(f"  API             {self.url}")
        self._say(f"  OpenAPI         {self.url}/api/openapi.json")
        self._say(f"  data and logs   {self._home.path}")

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_SECONDS):
            self._look_after()

    def _look_after(self) -> None:
        before = self._pids()
        for child in self._children:
            status = child.look_after()
            if status is not None:
                self._say(
                    f"{child.name} ended with status {status}: starting it again (see {self._home.log(child.name)})"
                )
        if self._postgres and not self._postgres.pid and self._postgres_pauses.over:
            self._start_again(self._postgres)
        if self._pids() != before:
            with contextlib.suppress(OSError):  # a full disk ends the database, but not what starts it again
                self._write_processes()

    def _start_again(self, postgres: Postgres) -> None:
        self._say("postgres ended: starting it again")
        try:
            postgres.start()
            self._postgres_pauses = Pauses()
        except (PostgresFailed, OSError) as error:
            self._say(f"postgres did not start: {first_line(error)}")
            self._postgres_pauses.begin(lived=0)

    def _pids(self) -> dict[str, int]:
        pids = {child.name: child.pid for child in self._children}
        if self._postgres:
            pids["postgres"] = self._postgres.pid
        return {name: pid for name, pid in pids.items() if pid}

    def _write_processes(self) -> None:
        write_json(self._home.processes_file, self._pids())

    def _end(self) -> None:
        """First whoever holds jobs, so that they are given back; then the others side by side; the database last."""
        self._say("stopping")
        holders = [child for child in self._children if child.name == "dispatcher"]
        others = [child for child in self._children if child not in holders]
        for group in (holders, others):
            for child in group:
                child.ask_to_end()
            for child in group:
                child.wait(STOP_SECONDS[child.name])
        if self._postgres:
            self._postgres.stop()
        for path in (self._home.processes_file, self._home.address_file):
            path.unlink(missing_ok=True)


def raise_file_limit() -> None:
    """Ray opens many files; most systems allow a process more of them than they give it at first."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def require_free_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        why = f"{error.strerror}: choose another with --port or --host"
        raise NotStarted(f"cannot listen on port {port} of {host}: {why}") from None


def link(host: str, port: int) -> str:
    """The address of a gateway that listens on `host`, as it is reached from this machine."""
    host = LOOPBACK.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def bring_up_to_date(database_url: str) -> None:
    try:
        upgrade(database_url)
    except (OSError, SQLAlchemyError, CommandError, ValueError) as error:
        raise NotStarted(f"the database cannot be used: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def running(home: Home) -> str | None:
    """The address of the gateway that runs in this data directory, if one answers.

    The file alone is not believed: after a crash it names a port on which another program may listen by now.
    """
    try:
        if not home.held:
            return None
        url = home.address_file.read_text()
        return url if httpx.get(f"{url}/healthz", timeout=2).status_code == httpx.codes.OK else None
    except (FileNotFoundError, httpx.TransportError):
        return None
