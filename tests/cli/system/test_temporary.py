"""The temporary system that `aura generate` starts and other calls share."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from cli.system.address import StartFailed
from cli.system.data_dir import STOPPING, DataDir
from cli.system.temporary import TemporarySystem, shared_gateway
from tests.cli.system.conftest import wait_until

SMALL = ["a red circle", "--width", "64", "--height", "64", "--fps", "8", "--seconds", "1"]


def test_it_is_stopped_after_its_last_user_has_finished(data_dir: DataDir) -> None:
    messages: list[str] = []
    system = TemporarySystem(data_dir, messages.append)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        system._process = process
        with data_dir.users_file.open("a") as own, data_dir.users_file.open("a") as other:
            fcntl.flock(own, fcntl.LOCK_SH)
            fcntl.flock(other, fcntl.LOCK_SH)
            stop = threading.Thread(target=system.stop, args=(own,))
            stop.start()
            stop.join(0.5)
            assert process.poll() is None
            fcntl.flock(other, fcntl.LOCK_UN)
            stop.join(10)
            assert process.wait(10) == -signal.SIGTERM
    assert messages == ["waiting for other users of the temporary AuraAnim"]


@pytest.fixture
def never_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of starting a system, `TemporarySystem` raises StartFailed."""

    def start(_: TemporarySystem) -> None:
        raise StartFailed("now it would start")

    monkeypatch.setattr(TemporarySystem, "_start", start)


@pytest.mark.usefixtures("never_started")
def test_a_new_user_waits_for_a_shutdown_to_end(data_dir: DataDir) -> None:
    messages: list[str] = []

    def use() -> None:
        with shared_gateway(data_dir, messages.append):
            raise AssertionError

    with ThreadPoolExecutor(1) as pool, data_dir.users_file.open("a") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        user = pool.submit(use)
        with pytest.raises(TimeoutError):
            user.result(0.5)
        assert messages == ["waiting for the temporary AuraAnim to shut down"]
        fcntl.flock(users, fcntl.LOCK_UN)
        with pytest.raises(StartFailed, match="now it would start"):
            user.result(5)


def test_a_gateway_that_is_about_to_stop_is_not_used(data_dir: DataDir) -> None:
    """Its address is gone before the next user can hold the lock, although its process still answers."""
    data_dir.address_file.write_text("http://127.0.0.1:1")
    system = TemporarySystem(data_dir, lambda _: None)
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('started', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        system._process = process
        with data_dir.users_file.open("a") as users:
            system.stop(users)
        assert process.poll() is None, "the shutdown is not waited for"
        assert not data_dir.address_file.exists()
        process.kill()


@pytest.mark.usefixtures("never_started")
def test_a_system_that_shuts_down_is_waited_for(data_dir: DataDir) -> None:
    messages: list[str] = []
    data_dir.status_file.write_text(STOPPING)
    with ThreadPoolExecutor(1) as pool:
        with data_dir.lock():
            user = pool.submit(TemporarySystem(data_dir, messages.append).wait_for_gateway)
            with pytest.raises(TimeoutError):
                user.result(0.5)
        with pytest.raises(StartFailed, match="now it would start"):
            user.result(5)
    assert messages == ["waiting for the temporary AuraAnim to shut down"]


def processes(data_dir: DataDir) -> list[psutil.Process]:
    """The running processes with the path of the data directory in their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(data_dir.path) in " ".join([*process.cmdline(), *process.environ().values()]):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.slow
def test_two_calls_share_one_system_and_leave_no_process_behind(data_dir: DataDir, tmp_path: Path) -> None:
    """One video takes much longer than the other, so that the two calls end at different times."""
    calls = []
    for name, steps in (("short", "2"), ("long", "150")):
        options = [*SMALL, "--steps", steps, "-o", str(tmp_path / f"{name}.mp4"), "--data-dir", str(data_dir.path)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("AURA_")}
        calls.append(
            subprocess.Popen(
                [sys.executable, "-m", "cli.main", "generate", *options], stderr=subprocess.PIPE, env=environment
            )
        )
    errors = [call.communicate(timeout=240)[1].decode() for call in calls]
    assert [call.returncode for call in calls] == [0, 0], errors
    assert all((tmp_path / f"{name}.mp4").stat().st_size for name in ("short", "long"))
    wait_until(lambda: not data_dir.is_locked)
    wait_until(lambda: processes(data_dir) == [])
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [".mp4", ".mp4"]
