"""The system that `aura generate` starts for itself, and shares with whoever comes meanwhile."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from cli.home import Home
from cli.temporary import Temporary, gateway

SMALL = ["a red circle", "--width", "64", "--height", "64", "--fps", "8", "--seconds", "1"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "aura")
    made.create()
    return made


def test_it_ends_when_the_last_of_the_others_has_left(home: Home) -> None:
    said: list[str] = []
    temporary = Temporary(home, said.append)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as system:
        temporary._process = system
        with home.users_file.open("a") as mine, home.users_file.open("a") as other:
            fcntl.flock(mine, fcntl.LOCK_SH)
            fcntl.flock(other, fcntl.LOCK_SH)
            ending = threading.Thread(target=temporary.end, args=(mine,))
            ending.start()
            ending.join(0.5)
            assert system.poll() is None
            fcntl.flock(other, fcntl.LOCK_UN)
            ending.join(10)
            assert system.poll() is not None
    assert said == ["waiting until nobody else uses this AuraAnim"]


def test_who_comes_while_it_ends_waits_for_that(home: Home) -> None:
    said: list[str] = []

    def come() -> None:
        with pytest.raises(InterruptedError), gateway(home, said.append):
            raise InterruptedError

    with home.users_file.open("a") as ending:
        fcntl.flock(ending, fcntl.LOCK_EX)
        coming = threading.Thread(target=come, daemon=True)
        coming.start()
        coming.join(0.5)
        assert said == ["waiting until the AuraAnim that was started here has ended"]


def processes(home: Home) -> list[psutil.Process]:
    """Everything that still runs for a data directory."""
    left = []
    for process in psutil.process_iter():
        try:
            if str(home.path) in " ".join([*process.cmdline(), *process.environ().values()]):
                left.append(process)
        except psutil.Error:
            continue
    return left


@pytest.mark.slow
def test_two_at_once_share_one_system_and_leave_nothing_running(home: Home, tmp_path: Path) -> None:
    """One video takes much longer than the other, so that one of the two leaves first."""
    calls = []
    for name, steps in (("short", "2"), ("long", "150")):
        words = [*SMALL, "--steps", steps, "-o", str(tmp_path / f"{name}.mp4"), "--data-dir", str(home.path)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("AURA_")}
        calls.append(
            subprocess.Popen(
                [sys.executable, "-m", "cli.main", "generate", *words], stderr=subprocess.PIPE, env=environment
            )
        )
    told = [call.communicate(timeout=240)[1].decode() for call in calls]
    assert [call.returncode for call in calls] == [0, 0], told
    assert all((tmp_path / f"{name}.mp4").stat().st_size for name in ("short", "long"))
    time.sleep(0.5)
    assert processes(home) == []
    assert not home.held
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [".mp4", ".mp4"]
