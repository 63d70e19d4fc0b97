"""One process of the system under test: started with a log file, ended by its own number, and by nothing else."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cli.child import die_with_parent


class Process:
    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command, self._folder = list(command), folder
        self._ready = folder / f"{name}.ready"
        self._environment = {**environment, "AURA_READY_FILE": str(self._ready)}
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> None:
        self._ready.unlink(missing_ok=True)
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
    def ready(self) -> bool:
        """Whether it has said itself that it can take work (the gateway does not: ask its /healthz)."""
        return self._ready.exists() and self.alive

    @property
    def status(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll() if self._process else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, what: signal.Signals) -> None:
        if self.alive:
            os.kill(self.pid, what)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.wait(10)

    def terminate(self, seconds: float) -> int | None:
        """Ask it to end; its exit status, or None when it had to be killed."""
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

    def last_words(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"{self.name} said:\n" + "\n".join(text.splitlines()[-lines:])


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition where there is no event loop."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)
