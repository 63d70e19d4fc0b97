"""`aura up`: start PostgreSQL, Ray, the gateway and the dispatcher on this machine and supervise them."""

import contextlib
import json
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

from cli.system.data_dir import DataDir, operator_settings, write_file
from cli.system.supervised_process import Backoff, SupervisedProcess
from db.embedded import Postgres
from db.errors import PostgresFailed
from db.logs import first_line
from db.migrate import upgrade

START_TIMEOUT_SECONDS: Final = 180
# A process that had to be started more often than this while the system starts is not going to become ready.
MAX_STARTS: Final = 3
SUPERVISION_INTERVAL_SECONDS: Final = 0.5
STOP_TIMEOUT_SECONDS: Final = {"dispatcher": 30, "gateway": 10, "ray": 30}
# The address under which this machine reaches a server that listens on all of its interfaces.
LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class StartFailed(Exception):
    """A part of the system did not start; the message names it and the reason."""


class System:
    """The processes of one data directory. `echo` prints a line for the user."""

    def __init__(self, data_dir: DataDir, *, host: str, port: int, echo: Callable[[str], None]) -> None:
        self.url = gateway_url(host, port)
        self._data_dir, self._host, self._port, self._echo = data_dir, host, port, echo
        self._postgres: Postgres | None = None
        self._postgres_backoff = Backoff()
        self._processes: list[SupervisedProcess] = []
        self._stop = Event()

    def run(self) -> None:
        """Start, supervise until SIGINT or SIGTERM, and stop. Raises StartFailed or AlreadyRunning."""
        self._data_dir.create()
        lock = self._data_dir.lock()
        self._data_dir.address_file.unlink(missing_ok=True)  # left behind by a killed `aura up`
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop.set())
        try:
            require_free_port(self._host, self._port)
            raise_file_limit()
            self._start()
            if self._wait_until_ready():
                self._print_addresses()
            while not self._stop.wait(SUPERVISION_INTERVAL_SECONDS):
                self._restart_if_needed()
        finally:
            self._shut_down()
            lock.close()

    def _start(self) -> None:
        environment = self._data_dir.environment(self._start_database(), self.url)
        migrate(environment["DATABASE_URL"])
        python = [sys.executable, "-m"]
        commands = {
            "ray": [*python, "pipeline.cluster"],
            "gateway": [*python, "api", "--host", self._host, "--port", str(self._port)],
            "dispatcher": [*python, "pipeline.dispatch"],
        }
        for name, command in commands.items():
            self._echo(f"starting {name}")
            ready_file = None if name == "gateway" else self._data_dir.ready_file(name)
            process = SupervisedProcess(
                name, command, environment=environment, log=self._data_dir.log(name), ready_file=ready_file
            )
            self._processes.append(process)
            process.start()
        write_file(self._data_dir.address_file, self.url)
        self._write_processes_file()

    def _start_database(self) -> str:
        """The URL of the operator's DATABASE_URL, or of the embedded PostgreSQL, which is started."""
        if url := operator_settings().get("DATABASE_URL"):
            return url
        self._echo("starting postgres")
        self._postgres = Postgres(self._data_dir.path / "postgres", die_with_parent=True)
        return self._postgres.start()

    def _wait_until_ready(self) -> bool:
        """False if a signal arrived first."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._stop.is_set():
            if all(process.is_ready for process in self._processes) and self._gateway_is_ready():
                return True
            self._raise_if_start_failed(is_late=time.monotonic() > deadline)
            self._restart_if_needed()
            self._stop.wait(SUPERVISION_INTERVAL_SECONDS / 2)
        return False

    def _raise_if_start_failed(self, *, is_late: bool) -> None:
        """StartFailed if a process keeps exiting or, after the timeout, for the process that is not ready."""
        failed = next((process for process in self._processes if process.starts > MAX_STARTS), None)
        if is_late and failed is None:
            gateway = next(process for process in self._processes if process.name == "gateway")
            failed = next((process for process in self._processes if not process.is_ready), gateway)
        if failed:
            raise StartFailed(f"{failed.name} did not start; its log ends with:\n{failed.log_tail()}")

    def _gateway_is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _print_addresses(self) -> None:
        self._echo("ready")
        self._echo(f"  API             {self.url}")
        self._echo(f"  OpenAPI         {self.url}/api/openapi.json")
        self._echo(f"  data and logs   {self._data_dir.path}")

    def _restart_if_needed(self) -> None:
        before = self._pids()
        for process in self._processes:
            status = process.restart_if_needed()
            if status is not None:
                log = self._data_dir.log(process.name)
                self._echo(f"{process.name} exited with status {status}: restarting it (log: {log})")
        if self._postgres and not self._postgres.pid and self._postgres_backoff.is_over:
            self._restart_postgres(self._postgres)
        if self._pids() != before:
            with contextlib.suppress(OSError):  # a full disk must not stop the supervision
                self._write_processes_file()

    def _restart_postgres(self, postgres: Postgres) -> None:
        self._echo("postgres exited: restarting it")
        try:
            postgres.start()
            self._postgres_backoff = Backoff()
        except (PostgresFailed, OSError) as error:
            self._echo(f"postgres did not start: {first_line(error)}")
            self._postgres_backoff.begin(uptime=0)

    def _pids(self) -> dict[str, int]:
        pids = {process.name: process.pid for process in self._processes}
        if self._postgres:
            pids["postgres"] = self._postgres.pid
        return {name: pid for name, pid in pids.items() if pid}

    def _write_processes_file(self) -> None:
        write_file(self._data_dir.processes_file, json.dumps(self._pids()) + "\n")

    def _shut_down(self) -> None:
        """Stop the dispatcher first, so that it returns its jobs; then the other processes; PostgreSQL last."""
        self._echo("stopping")
        dispatchers = [process for process in self._processes if process.name == "dispatcher"]
        others = [process for process in self._processes if process.name != "dispatcher"]
        for group in (dispatchers, others):
            for process in group:
                process.terminate()
            for process in group:
                process.wait(STOP_TIMEOUT_SECONDS[process.name])
        if self._postgres:
            self._postgres.stop()
        for path in (self._data_dir.processes_file, self._data_dir.address_file):
            path.unlink(missing_ok=True)


def gateway_url(host: str, port: int) -> str:
    """The URL under which this machine reaches a gateway that listens on `host`."""
    host = LOOPBACK.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def require_free_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        reason = f"{error.strerror}: choose another one with --port or --host"
        raise StartFailed(f"cannot listen on port {port} of {host}: {reason}") from None


def raise_file_limit() -> None:
    """Raise the soft limit of open files to the hard limit: Ray needs more than most systems allow by default."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def migrate(database_url: str) -> None:
    """Upgrade the database to the newest migration."""
    try:
        upgrade(database_url)
    except (OSError, SQLAlchemyError, CommandError, ValueError) as error:
        reason = first_line(error) or type(error).__name__
        raise StartFailed(f"the database cannot be used: {reason}") from error


def running_gateway_url(data_dir: DataDir) -> str | None:
    """The URL of the gateway that runs in this data directory, or None.

    The address file is used only while the data directory is locked: after a crash, another program may listen on the
    port that the file names.
    """
    try:
        if not data_dir.is_locked:
            return None
        url = data_dir.address_file.read_text()
        return url if httpx.get(f"{url}/healthz", timeout=2).status_code == httpx.codes.OK else None
    except (FileNotFoundError, httpx.TransportError):
        return None
