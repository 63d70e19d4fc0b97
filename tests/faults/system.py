"""The real processes, each behind a fault proxy to PostgreSQL: two gateways, two dispatchers, one Ray head."""

import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import psutil

from db import migrate
from db.embedded import Postgres
from tests.faults.process import Process, until
from tests.faults.proxy import Proxies, Proxy

ROOT: Final = Path(__file__).parents[2]
GATEWAYS: Final = ("gateway-1", "gateway-2")
DISPATCHERS: Final = ("dispatcher-1", "dispatcher-2")
START_SECONDS: Final = 180
LEASE_SECONDS: Final = 6.0
"""A fifth of production's; the beat (5 s) and the rescue (5 s) are shortened by the same factor."""
SILENCE_SECONDS: Final = 15.0
SHORT: Final = {
    "LEASE_SECONDS": LEASE_SECONDS, "BEAT_SECONDS": 1.0, "RESCUE_SECONDS": 1.0, "POLL_SECONDS": 1.0,
    "STAGE_SILENCE_SECONDS": SILENCE_SECONDS,
}  # fmt: skip
PRODUCTION: Final = {"LEASE_SECONDS": 30, "BEAT_SECONDS": 5, "RESCUE_SECONDS": 5, "STAGE_SILENCE_SECONDS": 600}
Environment = dict[str, str]


class System:
    """`storage` says where objects lie; without it, in a folder."""

    def __init__(self, path: Path, *, storage: Environment | None = None, **settings: object) -> None:
        self.path = path
        self.objects, self.failpoints, self.replicas = path / "objects", path / "failpoints", path / "replicas"
        self.secret = secrets.token_hex(32)
        self._settings = {name: str(value) for name, value in {**SHORT, **settings}.items()}
        self.storage_settings = storage or {
            "STORAGE_DIR": str(self.objects),
            "STORAGE_SIGNING_KEY": secrets.token_hex(32),
        }
        self.postgres = Postgres(path / "postgres", die_with_parent=True)
        self.proxies = Proxies()
        self.database: dict[str, Proxy] = {}
        self.processes: dict[str, Process] = {}
        self.ports: dict[str, int] = {}

    def start(self) -> None:
        for folder in (self.objects, self.failpoints, self.replicas, self.path / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
        migrate.upgrade(self.postgres.start())
        for name in ("ray", *GATEWAYS, *DISPATCHERS):
            self._make(name)
            self.processes[name].start()
        self.wait_until_ready()

    def stop(self) -> None:
        """Everything ends, whatever state it is in."""
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
                until(partial(self._ready_or_dead, name), START_SECONDS, f"{name} is ready")
            finally:
                assert process.alive, process.last_words()

    def _ready_or_dead(self, name: str) -> bool:
        process = self.processes[name]
        return not process.alive or (self.answers(name) if name in GATEWAYS else process.ready)

    def answers(self, name: str) -> bool:
        try:
            return httpx.get(f"{self.url(name)}/healthz", timeout=5).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def revive(self) -> list[str]:
        """What a supervisor does: start whatever has ended. The names of what it started."""
        ended = [name for name, process in self.processes.items() if not process.alive]
        for name in ended:
            self.processes[name].start()
        if self.postgres.pid is None:
            self.postgres.start()
            ended.append("postgres")
        return ended

    def heal(self) -> None:
        """Every fault ends: lines work, nothing is held or stopped, everything runs."""
        for proxy in self.database.values():
            proxy.heal()
        for stop in self.failpoints.glob("*"):
            stop.unlink()
        for process in self.processes.values():
            process.send(signal.SIGCONT)
        self.revive()
        self.wait_until_ready()

    def replica(self, stage: str) -> psutil.Process:
        """The process of the newest replica of a stage."""
        return self.living(stage)[-1]

    def living(self, stage: str) -> list[psutil.Process]:
        """The replicas of a stage, oldest first."""
        found = []
        for sign in self.replicas.glob(f"{stage}.*"):
            pid = int(sign.name.rpartition(".")[2])
            if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(psutil.Process(pid))
        return sorted(found, key=lambda process: process.create_time())

    def controller(self) -> psutil.Process:
        workers = psutil.Process(self.processes["ray"].pid).children(recursive=True)
        return next(worker for worker in workers if "ServeController" in " ".join(worker.cmdline()))

    def environment(self, name: str) -> Environment:
        """What a process is told: production's settings but for shorter leases, sleeping stages and the proxies."""
        address = self.postgres.url
        if proxy := self.database.get(name):
            address = address.replace(f":{self.postgres.port}/", f":{proxy.port}/")
        inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        return inherited | self._settings | self.storage_settings | {
            "DATABASE_URL": address,
            "SECRET_KEY": self.secret,
            "PUBLIC_URL": "http://127.0.0.1",
            "QUEUED_PER_USER": "2000",
            "STAGES": "tests.faults.stages",
            "STAGE_CPUS": "0.05",
            "RAY_NUM_CPUS": "2",
            "RAY_OBJECT_STORE_BYTES": "100000000",
            "RAY_ADDRESS_FILE": str(self.path / "ray.address"),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self._token()),
            "AURA_FAILPOINTS": str(self.failpoints),
            "FAULTS_REPLICAS": str(self.replicas),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }  # fmt: skip

    def _make(self, name: str) -> None:
        if name != "ray":
            self.database[name] = self.proxies.to(self.postgres.port)
        module = {"ray": "pipeline.cluster"}.get(name, "pipeline.dispatch")
        command = [sys.executable, "-m", module]
        if name in GATEWAYS:
            port = self.ports[name] = free_port()
            command = [*command[:2], "api", "--port", str(port)]
        self.processes[name] = Process(name, command, self.environment(name), self.path / "logs")

    def _token(self) -> Path:
        token = self.path / "ray.token"
        if not token.exists():
            token.touch(mode=0o600)
            token.write_text(secrets.token_hex(32))
        return token


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


__all__ = ["DISPATCHERS", "GATEWAYS", "LEASE_SECONDS", "PRODUCTION", "SILENCE_SECONDS", "System"]
