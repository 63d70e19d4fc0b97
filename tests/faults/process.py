"""One process of the system under test. It writes to a log file and receives signals by its pid only."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cli.system.supervised_process import die_with_parent


class Process:
    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        """`folder` is the working directory; the log and the ready file are written there."""
        self.name = name
        self.log = folder / f"{name}.log"
        self.starts = 0
        self._command, self._folder = list(command), folder
        self._ready_file = folder / f"{name}.ready"
        self._environment = {**environment, "AURA_READY_FILE": str(self._ready_file)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._ready_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip
        self.starts += 1

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether the process has written its ready file. Gateways write none: request their /healthz instead."""
        return self._ready_file.exists() and self.is_alive

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        if self.is_alive:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.wait(10)

    def terminate(self, seconds: float) -> int | None:
        """Send SIGTERM and wait. The exit status, or None if the process had to be killed."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def wait(self, seconds: float) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def log_tail(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"the log of {self.name} ends with:\n" + "\n".join(text.splitlines()[-lines:])


def wait_until(condition: Callable[[], bool], seconds: float, description: str) -> None:
    """Poll a condition without an event loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {description}"
        time.sleep(0.05)
