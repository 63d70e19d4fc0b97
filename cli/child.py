"""A process that is kept running: started with a log file, started again when it dies, ended in an orderly way."""

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

PAUSES: Final = (0.5, 1, 2, 4, 8, 16, 30)
"""Seconds to wait before the next start, the longer the more starts have failed in a row."""
HEALTHY_SECONDS: Final = 60
PR_SET_PDEATHSIG: Final = 1


def die_with_parent() -> None:
    """On Linux a child that outlives a killed parent is told to end; elsewhere the next start finds the lock free."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Pauses:
    """When the next start may be: the longer one waits, the more starts in a row were in vain."""

    def __init__(self) -> None:
        self._in_vain = 0
        self._until = 0.0

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._until

    def begin(self, lived: float) -> None:
        """Another pause, after something that has lived for so many seconds."""
        self._in_vain = 0 if lived > HEALTHY_SECONDS else self._in_vain + 1
        self._until = time.monotonic() + PAUSES[min(self._in_vain, len(PAUSES) - 1)]


class Child:
    def __init__(
        self, name: str, command: Sequence[str], *, environment: Mapping[str, str], log: Path, ready: Path | None = None
    ) -> None:
        self.name = name
        self.starts = 0
        self._command, self._environment, self._log = list(command), dict(environment), log
        self._ready = ready
        if ready:
            self._environment["AURA_READY_FILE"] = str(ready)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pauses = Pauses()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def ready(self) -> bool:
        return self._ready is None or self._ready.exists()

    def start(self) -> None:
        if self._ready:
            self._ready.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self.starts += 1
        self._started_at = time.monotonic()

    def look_after(self) -> int | None:
        """Start the process again if it has died and its pause is over; the exit status when a death was just seen."""
        if self._process is None:
            if self._pauses.over:
                self.start()
            return None
        status = self._process.poll()
        if status is None:
            return None
        self._process = None
        self._pauses.begin(lived=time.monotonic() - self._started_at)
        return status

    def ask_to_end(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, and insist when it takes longer."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def last_words(self, lines: int = 5) -> str:
        """The end of its log, for a message about why it did not start."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
