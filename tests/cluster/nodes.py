"""Two Ray nodes on this host, each with its own address, raylet and object store: an existing cluster."""

import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import psutil

from db.embedded import free_port
from tests.faults.process import Process, wait_until

START_SECONDS: Final = 60
OBJECT_STORE_BYTES: Final = 100_000_000


class Cluster:
    """`environment` is that of the nodes. It holds no settings of this project."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        # Ray's sockets are below it, and the path of a socket has at most 107 bytes.
        self.sessions = Path(tempfile.mkdtemp(prefix="aura", dir="/tmp"))
        self._path, self._environment = path, dict(environment)
        # All of 127.0.0.0/8 is this host. Random, so that two test runs do not share a node address.
        network = f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(254) + 1}"
        self.ips = {"head": f"{network}.1", "second": f"{network}.2"}
        self.address = f"{self.ips['head']}:{free_port()}"
        self.nodes: dict[str, Process] = {}

    def start(self) -> None:
        """The second node has the only GPU, as Ray counts them, so stages that reserve one run there."""
        port, client = self.address.rpartition(":")[2], f"--ray-client-server-port={free_port()}"
        dashboard = ("--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={free_port()}")
        self._start("head", "--head", f"--port={port}", client, *dashboard)
        wait_until(lambda: self._accepts(int(port)), START_SECONDS, "the head accepts connections")
        self._start("second", f"--address={self.address}", "--num-gpus=1")
        for name, node in self.nodes.items():
            wait_until(partial(self._has_started, node), START_SECONDS, f"the node {name} starts")
            assert node.is_alive, node.log_tail()

    def _accepts(self, port: int) -> bool:
        try:
            socket.create_connection((self.ips["head"], port), 1).close()
        except OSError:
            return not self.nodes["head"].is_alive
        return True

    def _start(self, name: str, *options: str) -> None:
        command = [
            sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", "--disable-usage-stats",
            f"--node-ip-address={self.ips[name]}", f"--object-store-memory={OBJECT_STORE_BYTES}",
            "--min-worker-port=0", "--max-worker-port=0", f"--dashboard-agent-listen-port={free_port()}",
            f"--temp-dir={self.sessions / name}", *options,
        ]  # fmt: skip
        self.nodes[name] = Process(f"node-{name}", command, self._environment, self._path)
        self.nodes[name].start()

    @staticmethod
    def _has_started(node: Process) -> bool:
        return not node.is_alive or "Ray runtime started" in node.log.read_text(errors="replace")

    def kill_raylet(self, name: str) -> None:
        """Kill the raylet of a node. The node is lost: its replicas end, and the objects in its memory are gone."""
        found = psutil.Process(self.nodes[name].pid).children(recursive=True)
        next(process for process in found if process.name() == "raylet").send_signal(signal.SIGKILL)

    def stop(self) -> None:
        """Kill all processes of the nodes that are still there, and remove their sessions."""
        alive = [psutil.Process(node.pid) for node in self.nodes.values() if node.is_alive]
        for process in [descendant for node in alive for descendant in (node, *node.children(recursive=True))]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for node in self.nodes.values():
            node.wait(10)
        shutil.rmtree(self.sessions, ignore_errors=True)
