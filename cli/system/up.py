"""`aura up`: start PostgreSQL, Ray, the gateway and the dispatcher on this machine and supervise them.

Ray takes longest and needs no database, so it is started first, and what the database needs is imported meanwhile.
"""

import contextlib
import json
import resource
import signal
import sys
import time
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, Final

from cli.system.address import StartFailed, gateway_url, is_ready, require_free_port
from cli.system.data_dir import STOPPING, DataDir, operator_settings, write_file
from cli.system.log_lines import cause, waiting_stages
from cli.system.supervised_process import Backoff, SupervisedProcess
from cli.system.web import WebApp, WebUnavailable

if TYPE_CHECKING:
    from db.embedded import Postgres

START_TIMEOUT_SECONDS: Final = 180
SUPERVISION_INTERVAL_SECONDS: Final = 0.5
STOP_TIMEOUT_SECONDS: Final = {"dispatcher": 30, "web": 5, "gateway": 10, "ray": 30}
# The modules of the processes, and the settings that each of them must not get.
MODULES: Final = {"ray": "pipeline.cluster", "gateway": "api", "dispatcher": "pipeline.dispatch"}
GATEWAY_SECRETS: Final = ("SECRET_KEY", "SECRET_KEY_PREVIOUS", "SMTP_PASSWORD")
WITHHELD: Final = {
    "ray": ("DATABASE_URL", "OWNER_DATABASE_URL", "ADMIN_DATABASE_URL", *GATEWAY_SECRETS),
    "gateway": ("OWNER_DATABASE_URL", "ADMIN_DATABASE_URL", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"),
    "dispatcher": ("OWNER_DATABASE_URL", "ADMIN_DATABASE_URL", *GATEWAY_SECRETS),
}


class System:
    """The processes of one data directory. `echo` prints a line for the user."""

    def __init__(
        self, data_dir: DataDir, *, host: str, port: int, echo: Callable[[str], None], web: WebApp | None = None
    ) -> None:
        self.url = gateway_url(host, port)
        self._web = web
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
            if self._web:
                require_free_port(self._host, self._web.port, option="--web-port")
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
        self._data_dir.ray_address_file.unlink(missing_ok=True)
        self._start_process("ray", self._data_dir.environment("", self.url))
        database_url = self._start_database()
        self._prepare_database(database_url)
        self._prepare_web()
        environment = self._data_dir.environment(database_url, self._web_url or self.url)
        self._start_process("gateway", environment, "--host", self._host, "--port", str(self._port))
        self._start_process("dispatcher", environment)
        self._start_web()
        write_file(self._data_dir.address_file, self.url)
        self._write_processes_file()

    @property
    def _web_url(self) -> str | None:
        """The address of the web app, which also serves the gateway; None: it does not run."""
        return gateway_url(self._host, self._web.port) if self._web else None

    def _prepare_web(self) -> None:
        """Build the web app if its sources have changed. If it cannot be served, the rest runs without it."""
        if self._web is None:
            return
        try:
            self._web.require()
            if not self._web.is_current:
                self._echo("building the web app (only when its sources have changed)")
                self._web.build(self._data_dir.log("web-build"))
        except WebUnavailable as error:
            self._echo(f"no web app: {error}")
            self._web = None

    def _start_web(self) -> None:
        if self._web is None:
            return
        self._echo("starting web")
        web = SupervisedProcess(
            "web",
            self._web.command(),
            environment=self._web.environment(self._host, self.url, operator_settings()),
            log=self._data_dir.log("web"),
        )
        self._processes.append(web)
        web.start()

    def _start_process(self, name: str, environment: dict[str, str], *options: str) -> None:
        self._echo(f"starting {name}")
        process = SupervisedProcess(
            name,
            [sys.executable, "-m", MODULES[name], *options],
            environment={key: value for key, value in environment.items() if key not in WITHHELD[name]},
            log=self._data_dir.log(name),
            ready_file=None if name == "gateway" else self._data_dir.ready_file(name),
        )
        self._processes.append(process)
        process.start()

    def _start_database(self) -> str:
        """The URL of the operator's DATABASE_URL, or of the embedded PostgreSQL, which is started."""
        if url := operator_settings().get("DATABASE_URL"):
            return url
        from cli.system.database import start_postgres  # not earlier: Ray starts while this is imported

        self._echo("starting postgres")
        self._postgres = start_postgres(self._data_dir.path / "postgres")
        return self._postgres.url

    def _prepare_database(self, url: str) -> None:
        from cli.system.database import prepare

        owner_url = self._postgres.owner_url if self._postgres else operator_settings().get("OWNER_DATABASE_URL", url)
        prepare(owner_url=owner_url, application_url=url, local_password=self._data_dir.secrets["PASSWORD"])

    def _wait_until_ready(self) -> bool:
        """Print what is missing whenever that changes. False if a signal arrived first."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        printed = ""
        while not self._stop.is_set():
            missing = self._missing()
            if not missing:
                self._data_dir.status_file.unlink(missing_ok=True)
                return True
            if missing != printed:
                printed = missing
                self._echo(missing)
                write_file(self._data_dir.status_file, missing)
            self._raise_if_start_failed(is_late=time.monotonic() > deadline)
            self._restart_if_needed()
            self._stop.wait(SUPERVISION_INTERVAL_SECONDS / 2)
        return False

    def _raise_if_start_failed(self, *, is_late: bool) -> None:
        """StartFailed if a process has ended before it was ready or, after the timeout, for one that is not ready."""
        for process in self._processes:
            if process.name != "web" and (status := process.failure) is not None:
                process.wait(STOP_TIMEOUT_SECONDS[process.name])  # completes its log
                raise StartFailed(self._failure_message(process, f"exited with status {status}"))
        if is_late:
            gateway = next(process for process in self._processes if process.name == "gateway")
            late = next((process for process in self._processes if not process.is_ready), gateway)
            raise StartFailed(self._failure_message(late, f"is not ready after {START_TIMEOUT_SECONDS} s"))

    def _failure_message(self, process: SupervisedProcess, problem: str) -> str:
        return f"{process.name} {problem}: {cause(process.log_tail())} (log: {self._data_dir.log(process.name)})"

    def _missing(self) -> str:
        """What the start waits for, in words; empty if the system is ready."""
        ray, *others = self._processes
        if not ray.is_ready:
            stages = waiting_stages(ray.log_tail()) if self._data_dir.ray_address_file.exists() else ()
            return f"waiting for {', '.join(stages)}" if stages else "waiting for Ray"
        if waiting := [process.name for process in others if not process.is_ready]:
            return f"waiting for the {waiting[0]}"
        return "" if is_ready(self.url) else "waiting for the gateway"

    def _print_addresses(self) -> None:
        self._echo("ready")
        if self._web_url:
            self._echo(f"  web app         {self._web_url}")
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

    def _restart_postgres(self, postgres: "Postgres") -> None:
        from cli.system.database import restart

        self._echo("postgres exited: restarting it")
        if reason := restart(postgres):
            self._echo(f"postgres did not start: {reason}")
            self._postgres_backoff.begin(uptime=0)
        else:
            self._postgres_backoff = Backoff()

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
        # From here on no other `aura generate` uses this gateway, and another `aura up` waits for the lock.
        self._data_dir.address_file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # a full disk must not stop the shutdown
            write_file(self._data_dir.status_file, STOPPING)
        dispatchers = [process for process in self._processes if process.name == "dispatcher"]
        others = [process for process in self._processes if process.name != "dispatcher"]
        for group in (dispatchers, others):
            for process in group:
                process.terminate()
            for process in group:
                process.wait(STOP_TIMEOUT_SECONDS[process.name])
        if self._postgres:
            self._postgres.stop()
        for path in (self._data_dir.processes_file, self._data_dir.status_file):
            path.unlink(missing_ok=True)


def raise_file_limit() -> None:
    """Raise the soft limit of open files to the hard limit: Ray needs more than most systems allow by default."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
