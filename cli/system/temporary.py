"""The AuraAnim that `aura generate` starts if none is running, and stops when no `aura generate` uses it any more.

Every user, the process that started it included, holds a shared lock on one file. The starter stops the system once it
has the exclusive lock: by then the other users have finished. It does not wait for the end of the shutdown. An
`aura generate` that begins meanwhile waits for that end and starts a system of its own.
"""

import fcntl
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final

from cli.system.address import StartFailed, running_gateway_url
from cli.system.data_dir import EXIT_ALREADY_RUNNING, STOPPING, DataDir
from cli.system.log_pipe import MAX_LOG_BYTES
from cli.system.log_writer import file_size, rotate
from cli.system.supervised_process import die_with_parent
from db.ports import free_port

START_TIMEOUT_SECONDS: Final = 120
POLL_SECONDS: Final = 0.05
WAITING_FOR_SHUTDOWN: Final = "waiting for the temporary AuraAnim to shut down"


@contextmanager
def shared_gateway(data_dir: DataDir, echo: Callable[[str], None]) -> Iterator[str]:
    """The URL of the gateway of this data directory. Starts a temporary system if none is running."""
    data_dir.create()
    with data_dir.users_file.open("a") as users:
        lock_file(users, fcntl.LOCK_SH, lambda: echo(WAITING_FOR_SHUTDOWN))
        system = TemporarySystem(data_dir, echo)
        try:
            yield system.wait_for_gateway()
        finally:
            system.stop(users)


class TemporarySystem:
    def __init__(self, data_dir: DataDir, echo: Callable[[str], None]) -> None:
        self._data_dir, self._echo = data_dir, echo
        self._process: subprocess.Popen[bytes] | None = None

    def wait_for_gateway(self) -> str:
        """The URL as soon as the gateway responds; the job waits in the queue while Ray starts."""
        if self._data_dir.is_locked and self._data_dir.status == STOPPING:
            self._echo(WAITING_FOR_SHUTDOWN)
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if url := running_gateway_url(self._data_dir):
                return url
            self._start_if_needed()
            time.sleep(POLL_SECONDS)
        raise StartFailed(self._failure_message())

    def stop(self, users: IO[str]) -> None:
        """Begin to stop the system if it was started here: after its last user, or when that wait is interrupted."""
        if self._process is None or self._process.poll() is not None:
            return
        try:
            lock_file(users, fcntl.LOCK_EX, lambda: self._echo("waiting for other users of the temporary AuraAnim"))
        finally:
            # Before the lock is released: the next user must not connect to a gateway that is about to stop.
            self._data_dir.address_file.unlink(missing_ok=True)
            self._process.send_signal(signal.SIGTERM)
            threading.Thread(target=self._process.wait, daemon=True).start()  # reaps it, if this process continues

    def _start_if_needed(self) -> None:
        """Start the system unless another process has locked the data directory, which means it starts the system."""
        if self._process is None:
            if not self._data_dir.is_locked:
                self._start()
        elif (status := self._process.poll()) is not None:
            if status != EXIT_ALREADY_RUNNING:
                raise StartFailed(self._failure_message())
            self._process = None

    def _start(self) -> None:
        self._echo("starting a temporary AuraAnim (to keep one running, use `aura up`)")
        log_file = self._data_dir.log("up")
        if file_size(log_file) >= MAX_LOG_BYTES:
            rotate(log_file)
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.system", str(self._data_dir.path), str(free_port())],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def _failure_message(self) -> str:
        lines = self._data_dir.log("up").read_text(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("aura: ") if lines else "AuraAnim did not start"


def lock_file(file: IO[str], operation: int, on_wait: Callable[[], None]) -> None:
    """Lock a file; `on_wait` is called first if another process holds a conflicting lock."""
    try:
        fcntl.flock(file, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        on_wait()
        fcntl.flock(file, operation)
