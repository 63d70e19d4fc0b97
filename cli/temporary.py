"""The AuraAnim that `aura generate` starts where none runs, for as long as somebody uses it.

Whoever uses it, its starter too, holds a shared lock meanwhile. The starter ends it once it has that lock alone: the
others finish their videos first, and those who come later wait for the end and start one of their own.
"""

import fcntl
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final

from cli.child import die_with_parent
from cli.home import BUSY, Home
from cli.up import NotStarted, running

Say = Callable[[str], None]

START_SECONDS: Final = 120
POLL_SECONDS: Final = 0.2


@contextmanager
def gateway(home: Home, say: Say) -> Iterator[str]:
    """The address of the gateway of this data directory, started if none runs. It stays until all have left."""
    home.create()
    with home.users_file.open("a") as users:
        take(users, fcntl.LOCK_SH, lambda: say("waiting until the AuraAnim that was started here has ended"))
        temporary = Temporary(home, say)
        try:
            yield temporary.address()
        finally:
            temporary.end(users)


class Temporary:
    def __init__(self, home: Home, say: Say) -> None:
        self._home, self._say = home, say
        self._process: subprocess.Popen[bytes] | None = None

    def address(self) -> str:
        """Given as soon as the gateway answers: Ray comes up while the job waits in line."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if address := running(self._home):
                return address
            self._look_after()
            time.sleep(POLL_SECONDS)
        raise NotStarted(self._last_words())

    def end(self, users: IO[str]) -> None:
        """End what was started here when nobody else uses it any more; at once when this wait is interrupted."""
        if self._process is None or self._process.poll() is not None:
            return
        try:
            take(users, fcntl.LOCK_EX, lambda: self._say("waiting until nobody else uses this AuraAnim"))
        finally:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()

    def _look_after(self) -> None:
        """Start it unless somebody else does; who finds another one starting waits for that one."""
        if self._process is None:
            if not self._home.held:
                self._start()
        elif (status := self._process.poll()) is not None:
            if status != BUSY:
                raise NotStarted(self._last_words())
            self._process = None

    def _start(self) -> None:
        self._say("starting AuraAnim for this one video (keep it running with `aura up`)")
        place = ["--data-dir", str(self._home.path), "--port", str(free_port())]
        with self._home.log("up").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "up", *place, "--no-web"],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def _last_words(self) -> str:
        last = self._home.log("up").read_text(errors="replace").strip().splitlines()
        return last[-1].removeprefix("aura: ") if last else "AuraAnim did not start"


def take(file: IO[str], how: int, tell: Callable[[], None]) -> None:
    """Lock a file, and tell when that has to wait."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        tell()
        fcntl.flock(file, how)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
