"""A process that `aura up` keeps running: restarted with backoff when it exits, and stopped with SIGTERM."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cli.system.log_pipe import LogPipe
from cli.system.log_writer import file_size

# Seconds before the next start, by the number of consecutive failed starts.
BACKOFF_SECONDS: Final = (0.5, 1, 2, 4, 8, 16, 30)
# A process that has run for longer counts as started successfully.
HEALTHY_SECONDS: Final = 60
PR_SET_PDEATHSIG: Final = 1


def die_with_parent() -> None:
    """On Linux, make the kernel send SIGTERM to this process when its parent dies. For `preexec_fn`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Backoff:
    """The delay before the next start, which grows with each consecutive failure."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._until

    def begin(self, uptime: float) -> None:
        """Begin the delay after an exit; `uptime` is how many seconds the process ran."""
        self._failures = 0 if uptime > HEALTHY_SECONDS else self._failures + 1
        self._until = time.monotonic() + BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS) - 1)]


class SupervisedProcess:
    """`ready_file` is the file that the process creates when it accepts work; None: it is ready once started."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        ready_file: Path | None = None,
    ) -> None:
        self.name = name
        self.starts = 0
        self._command, self._environment, self._log = list(command), dict(environment), log
        self._ready_file = ready_file
        if ready_file:
            self._environment["AURA_READY_FILE"] = str(ready_file)
        # Where the output of this process begins, in a log that older ones have written to.
        self._log_offset = 0
        self._was_ready = False
        self._log_pipe: LogPipe | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._backoff = Backoff()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_ready(self) -> bool:
        return self._ready_file is None or self._ready_file.exists()

    @property
    def failure(self) -> int | None:
        """The exit status of a process that was never ready; None while it runs, and for EX_TEMPFAIL (start it again).

        A process without a ready file counts as never ready.
        """
        status = self._process.poll() if self._process else None
        was_ready = self._was_ready or (self._ready_file is not None and self._ready_file.exists())
        return None if was_ready or status == os.EX_TEMPFAIL else status

    def start(self) -> None:
        if self._ready_file:
            self._ready_file.unlink(missing_ok=True)
        if self._log_pipe is None:
            self._log_offset = file_size(self._log)
            self._log_pipe = LogPipe(self._log)
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log_pipe.write_end,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        self.starts += 1
        self._started_at = time.monotonic()

    def restart_if_needed(self) -> int | None:
        """Restart the process if it has exited and the backoff is over. Returns the exit status once per exit."""
        if self._log_pipe:
            self._log_pipe.restart_writer_if_needed()
        if self._process is None:
            if self._backoff.is_over:
                self.start()
            return None
        status = self._process.poll()
        if status is None:
            return None
        self._process = None
        self._was_ready |= self.is_ready
        self._backoff.begin(uptime=time.monotonic() - self._started_at)
        return status

    def terminate(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, timeout: float) -> None:
        """Wait for the process to exit, kill it after `timeout` seconds, and complete its log."""
        if self._process is not None:
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._log_pipe:
            self._log_pipe.close()
            self._log_pipe = None

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of what was written since the first start."""
        if not self._log.exists():
            return ""
        with self._log.open("rb") as log:
            log.seek(self._log_offset if file_size(self._log) >= self._log_offset else 0)  # else: rotated
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])
