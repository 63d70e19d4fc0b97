"""The embedded PostgreSQL: started, stopped, crashed, left over, started again."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from db.embedded import Postgres
from db.errors import PostgresFailed, PostgresInUse
from db.settings import plain_url


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    made = Postgres(tmp_path_factory.mktemp("embedded"), settings={"fsync": "off"}, die_with_parent=True)
    made.start()
    yield made
    made.stop()


def execute(url: str, *statements: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(plain_url(url), timeout=10)
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(run())


def start_elsewhere(server: Postgres, options: str = "") -> int:
    """Start the server in another process, kill that process, and give the server's pid."""
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


def serves(pid: int) -> bool:
    return Path(f"/proc/{pid}/cwd").exists()  # not so for a zombie


def test_it_starts_and_asks_for_its_password(server: Postgres) -> None:
    assert execute(server.start(), "SELECT current_setting('server_encoding')") == "UTF8"
    assert execute(server.url, "SELECT current_setting('listen_addresses')") == "127.0.0.1"
    assert stat.S_IMODE((server.data_dir / "password").stat().st_mode) == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        execute(server.url.replace("aura:", "aura:x"), "SELECT 1")


def test_it_runs_as_a_plain_user(server: Postgres) -> None:
    assert server.pid
    assert os.stat(f"/proc/{server.pid}").st_uid != 0


def test_it_keeps_its_data_and_address_over_a_stop(server: Postgres) -> None:
    execute(server.url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
    before = server.url
    server.stop()
    assert server.pid is None
    with pytest.raises(ConnectionRefusedError):
        execute(before, "SELECT 1")
    assert server.start() == before
    assert execute(before, "SELECT n FROM kept") == 7


def test_it_comes_back_after_a_crash(server: Postgres) -> None:
    execute(server.url, "CREATE TABLE crashed (n int)", "INSERT INTO crashed VALUES (8)")
    pid = server.pid
    server.kill()
    assert (server.data_dir / "cluster" / "postmaster.pid").exists()
    assert execute(server.start(), "SELECT n FROM crashed") == 8
    assert server.pid not in (None, pid)


def test_it_comes_back_after_it_was_killed_from_outside(server: Postgres) -> None:
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    while server.pid is not None:
        time.sleep(0.01)
    assert execute(server.start(), "SELECT 1") == 1


def test_one_process_at_a_time(server: Postgres) -> None:
    with pytest.raises(PostgresInUse):
        Postgres(server.data_dir).start()
    assert server.pid is not None


def test_it_takes_over_from_a_process_that_was_killed(server: Postgres) -> None:
    """The process that started the server is gone, the server is not."""
    server.stop()
    left_over = start_elsewhere(server)
    assert serves(left_over)
    assert execute(server.start(), "SELECT n FROM kept") == 7
    assert server.pid != left_over
    assert not serves(left_over)


def test_a_lock_file_of_another_program_does_not_matter(server: Postgres) -> None:
    """After a restart of the machine the number in the lock file may be that of any program of the same user."""
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


def test_it_dies_with_its_parent(server: Postgres) -> None:
    server.stop()
    pid = start_elsewhere(server, ", die_with_parent=True")
    deadline = time.monotonic() + 10
    while serves(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not serves(pid)
    server.start()


def test_it_says_why_it_cannot_start(server: Postgres) -> None:
    server.stop()
    try:
        with pytest.raises(PostgresFailed, match="max_connections"):
            Postgres(server.data_dir, settings={"max_connections": "none"}).start()
    finally:
        server.start()


def test_folders_that_are_closed_to_others_will_do(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    inside = Postgres(closed / "data", settings={"fsync": "off"}, die_with_parent=True)
    try:
        assert inside.start().startswith("postgresql+asyncpg://aura:")
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        inside.stop()
