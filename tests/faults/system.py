"""The system under test: real processes, each with a fault proxy between it and PostgreSQL.

Two gateways, two dispatchers and one Ray head.
"""

import os
import secrets
import signal
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import psutil

from db import migrate
from db.embedded import Postgres, free_port
from tests.faults.process import Process, wait_until
from tests.faults.proxy import Proxies, Proxy

ROOT: Final = Path(__file__).parents[2]
GATEWAYS: Final = ("gateway-1", "gateway-2")
DISPATCHERS: Final = ("dispatcher-1", "dispatcher-2")
START_SECONDS: Final = 180
# A fifth of the default. The intervals of heartbeat and rescue are a fifth of theirs too.
LEASE_SECONDS: Final = 6.0
SILENCE_SECONDS: Final = 15.0
SHORT_INTERVALS: Final = {
    "LEASE_SECONDS": LEASE_SECONDS, "BEAT_SECONDS": 1.0, "RESCUE_SECONDS": 1.0, "POLL_SECONDS": 1.0,
    "STAGE_SILENCE_SECONDS": SILENCE_SECONDS,
}  # fmt: skip
DEFAULT_INTERVALS: Final = {"LEASE_SECONDS": 30, "BEAT_SECONDS": 5, "RESCUE_SECONDS": 5, "STAGE_SILENCE_SECONDS": 600}
Environment = dict[str, str]


class System:
    """Objects are stored in a directory; a test may replace `storage_settings` before `start`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objects, self.failpoints, self.replica_pids = path / "objects", path / "failpoints", path / "replicas"
        self.secret = secrets.token_hex(32)
        self.storage_settings = {
            "STORAGE_DIR": str(self.objects),
            "STORAGE_SIGNING_KEY": secrets.token_hex(32),
        }
        self.postgres = Postgres(path / "postgres", die_with_parent=True)
        self.proxies = Proxies()
        # By the name of the process whose database connections pass through the proxy.
        self.database_proxies: dict[str, Proxy] = {}
        self.processes: dict[str, Process] = {}
        self.ports: dict[str, int] = {}

    def start(self) -> None:
        for folder in (self.objects, self.failpoints, self.replica_pids, self.path / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
        self.postgres.start()
        migrate.upgrade(self.postgres.owner_url)
        for name in ("ray", *GATEWAYS, *DISPATCHERS):
            self._create_process(name).start()
        self.wait_until_ready()

    def stop(self) -> None:
        """End all processes, whatever state they are in."""
        for name in reversed(self.processes):
            process = self.processes[name]
            if name == "ray":
                process.terminate(30)
            else:
                process.kill()
        self.proxies.close()
        self.postgres.stop()

    def wait_until_ready(self, names: Iterable[str] | None = None) -> None:
        for name in names or self.processes:
            process = self.processes[name]
            try:
                wait_until(partial(self._is_ready_or_dead, name), START_SECONDS, f"{name} is ready")
            finally:
                assert process.is_alive, process.log_tail()

    def _is_ready_or_dead(self, name: str) -> bool:
        process = self.processes[name]
        return not process.is_alive or (self._gateway_answers(name) if name in GATEWAYS else process.is_ready)

    def _gateway_answers(self, name: str) -> bool:
        try:
            return httpx.get(f"{self.url(name)}/healthz", timeout=5).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def url(self, gateway: str) -> str:
        return f"http://127.0.0.1:{self.ports[gateway]}"

    def restart_ended(self) -> None:
        """Restart every process that has ended, as a supervisor does."""
        for process in self.processes.values():
            if not process.is_alive:
                process.start()
        if self.postgres.pid is None:
            self.postgres.start()

    def heal(self) -> None:
        """Remove all faults: network faults, failpoints, suspended processes, ended processes."""
        for proxy in self.database_proxies.values():
            proxy.heal()
        for file in self.failpoints.glob("*"):
            file.unlink()
        for process in self.processes.values():
            process.send(signal.SIGCONT)
        self.restart_ended()
        self.wait_until_ready()

    def newest_replica(self, stage: str) -> psutil.Process:
        return self.replicas(stage)[-1]

    def replicas(self, stage: str) -> list[psutil.Process]:
        """The running replica processes of a stage, oldest first."""
        found = []
        for pid_file in self.replica_pids.glob(f"{stage}.*"):
            pid = int(pid_file.name.rpartition(".")[2])
            if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(psutil.Process(pid))
        return sorted(found, key=lambda process: process.create_time())

    def serve_controller(self) -> psutil.Process:
        workers = psutil.Process(self.processes["ray"].pid).children(recursive=True)
        return next(worker for worker in workers if "ServeController" in " ".join(worker.cmdline()))

    def environment(self, name: str) -> Environment:
        """The environment of a process: the defaults, with short intervals, sleeping stages and the fault proxy."""
        database_url = self.postgres.url
        if proxy := self.database_proxies.get(name):
            database_url = database_url.replace(f":{self.postgres.port}/", f":{proxy.port}/")
        inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        intervals = {key: str(value) for key, value in SHORT_INTERVALS.items()}
        return inherited | intervals | self.storage_settings | {
            "DATABASE_URL": database_url,
            "SECRET_KEY": self.secret,
            "PUBLIC_URL": "http://127.0.0.1",
            "QUEUED_PER_USER": "2000",
            "DISPATCHER_JOBS": "2",
            "SUBMISSIONS_PER_MINUTE": "100000",
            "STAGES": "tests.faults.stages",
            "STAGE_CPUS": "0.05",
            "RAY_NUM_CPUS": "2",
            "RAY_OBJECT_STORE_BYTES": "100000000",
            "RAY_ADDRESS_FILE": str(self.path / "ray.address"),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self._token_file()),
            "AURA_FAILPOINTS": str(self.failpoints),
            "FAULTS_REPLICAS": str(self.replica_pids),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }  # fmt: skip

    def _create_process(self, name: str) -> Process:
        if name != "ray":
            self.database_proxies[name] = self.proxies.open(self.postgres.port)
        arguments = ["pipeline.cluster" if name == "ray" else "pipeline.dispatch"]
        if name in GATEWAYS:
            self.ports[name] = free_port()
            arguments = ["api", "--port", str(self.ports[name])]
        command = [sys.executable, "-m", *arguments]
        self.processes[name] = Process(name, command, self.environment(name), self.path / "logs")
        return self.processes[name]

    def _token_file(self) -> Path:
        path = self.path / "ray.token"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
        return path
