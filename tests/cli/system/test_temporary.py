"""The temporary system that `aura generate` starts and other calls share."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from cli.system.data_dir import DataDir
from cli.system.temporary import TemporarySystem, shared_gateway

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
            assert process.poll() is not None
    assert messages == ["waiting for other users of the temporary AuraAnim"]


def test_a_new_user_waits_for_a_shutdown_to_end(data_dir: DataDir) -> None:
    messages: list[str] = []

    def use() -> None:
        with pytest.raises(InterruptedError), shared_gateway(data_dir, messages.append):
            raise InterruptedError

    with data_dir.users_file.open("a") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        user = threading.Thread(target=use, daemon=True)
        user.start()
        user.join(0.5)
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
    time.sleep(0.5)
    assert processes(data_dir) == []
    assert not data_dir.is_locked
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [".mp4", ".mp4"]
