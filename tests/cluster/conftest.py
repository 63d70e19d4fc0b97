"""A system whose stages run on an existing cluster of two nodes, with its objects in an S3 store."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from db import migrate
from db.embedded import free_port
from tests.cluster.nodes import Cluster
from tests.cluster.stages import NOTES
from tests.faults.process import Process, wait_until
from tests.faults.system import DISPATCHERS, GATEWAYS, ROOT, Environment, System

DEPLOYER: Final = ("-m", "pipeline.cluster")
S3_SECRET: Final = "a-secret-that-no-log-may-hold"


class ClusterSystem(System):
    """Its dispatchers connect through either node."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.notes = path / "notes"
        self._s3_port = free_port()
        self.storage_settings = {
            "S3_ENDPOINT": f"127.0.0.1:{self._s3_port}", "S3_ACCESS_KEY": "cluster", "S3_SECRET_KEY": S3_SECRET,
        }  # fmt: skip
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._s3_port)]
        self.s3 = Process("s3", command, {"PATH": "/usr/bin:/bin"}, path)
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self._token_file())}
        folders = {NOTES: str(self.notes), "FAULTS_REPLICAS": str(self.replica_pids), "PYTHONPATH": str(ROOT)}
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.cluster = Cluster(path, inherited | token | folders)

    def environment(self, name: str) -> Environment:
        node = {"dispatcher-1": "head", "dispatcher-2": "second"}.get(name)
        through = {"RAY_NODE_IP": self.cluster.ips[node]} if node else {}
        replicas = {f"{stage}_REPLICAS": "2" for stage in ("UPSCALE", "POSTPROCESS")}
        return super().environment(name) | replicas | through | {
            "RAY_ADDRESS": self.cluster.address,
            "STAGES": "tests.cluster.stages",
            "GENERATE_GPUS": "0.5",
            "DISPATCHER_JOBS": "1",
        }  # fmt: skip

    def start_nodes(self) -> None:
        for folder in (self.replica_pids, self.notes):
            folder.mkdir()
        self.s3.start()
        self.postgres.start()
        self.cluster.start()
        wait_until(self._store_answers, 60, "the S3 server answers")

    def start(self, other_application: str) -> None:
        """Start the system beside another Serve application. One gateway is enough here."""
        for folder in (self.failpoints, self.path / "logs"):
            folder.mkdir()
        migrate.upgrade(self.postgres.owner_url)
        for name in (GATEWAYS[0], *DISPATCHERS):
            self._create_process(name).start()
        self.run_driver(other_application)
        self._create_process("ray").start()
        self.wait_until_ready()

    def url(self, gateway: str) -> str:
        return super().url(GATEWAYS[0])

    def _store_answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._s3_port}/", timeout=2).status_code < 500
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self.cluster.stop()
        for process in (*self.processes.values(), self.s3):
            process.kill()
        super().stop()

    def deployer(self, name: str, *command: str, **settings: str) -> Process:
        """A process that deploys the stages with other settings. An empty setting counts as unset."""
        return Process(name, [*command, sys.executable, *DEPLOYER], self.environment("ray") | settings, self.path)

    def run_driver(self, script: str) -> str:
        """The output of a program that is connected to the cluster; `ray` and `serve` are imported."""
        program = (
            f"import ray; from ray import serve; ray.init({self.cluster.address!r}, log_to_driver=False)\n{script}"
        )
        driver = Process("driver", [sys.executable, "-c", program], self.environment("ray"), self.path)
        driver.log.unlink(missing_ok=True)
        driver.start()
        assert driver.wait(60) == 0, driver.log_tail(40)
        return driver.log.read_text()


@pytest.fixture(scope="session")
def cluster_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterSystem]:
    """The nodes and the object store run; `start` starts the rest."""
    if sys.platform != "linux":
        pytest.skip("Ray starts a second node on the same host only where all of 127.0.0.0/8 is this host: Linux")
    system = ClusterSystem(tmp_path_factory.mktemp("cluster"))
    try:
        system.start_nodes()
        yield system
    finally:
        system.stop()
