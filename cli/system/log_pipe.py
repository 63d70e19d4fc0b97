"""The pipe between a supervised process and the process that writes its log file (`log_writer`)."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

MAX_LOG_BYTES: Final = 10_000_000
# The writer ends as soon as it has read the rest of the pipe, unless a descendant of the process keeps the pipe open.
CLOSE_TIMEOUT_SECONDS: Final = 5.0


class LogPipe:
    """A rotated log file; a process writes to it through the file descriptor `write_end`.

    Both ends of the pipe stay open here: a writer that dies is replaced, and no output is lost or refused meanwhile.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_LOG_BYTES) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._read_end, self.write_end = os.pipe()
        self._start_writer()

    def _start_writer(self) -> None:
        self._writer = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.log_writer", str(self._path), str(self._max_bytes)],
            stdin=self._read_end,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def writer_pid(self) -> int:
        return self._writer.pid

    def restart_writer_if_needed(self) -> None:
        if self._writer.poll() is not None:
            self._start_writer()

    def close(self) -> None:
        """Close the pipe and wait until its content is written."""
        os.close(self._read_end)
        os.close(self.write_end)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._writer.wait(CLOSE_TIMEOUT_SECONDS)
