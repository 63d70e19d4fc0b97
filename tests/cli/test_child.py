"""A process that is kept running."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from cli import child as children
from cli.child import Child


def child(tmp_path: Path, program: str) -> Child:
    command = [sys.executable, "-u", "-c", program]
    return Child("test", command, environment=dict(os.environ), log=tmp_path / "log", ready=tmp_path / "ready")


def end(kept: Child, seconds: float) -> None:
    kept.ask_to_end()
    kept.wait(seconds)


def wait_for(condition: object) -> None:
    end = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_is_started_again_when_it_dies_and_the_death_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "PAUSES", (0.01,))
    kept = child(tmp_path, "import time; time.sleep(60)")
    kept.start()
    first = kept.pid
    assert first
    os.kill(first, signal.SIGKILL)
    deaths: list[int] = []

    def look() -> bool:
        status = kept.look_after()
        if status is not None:
            deaths.append(status)
        return kept.pid not in (None, first)

    wait_for(look)
    end(kept, 5)
    assert deaths == [-signal.SIGKILL]


def test_a_process_that_dies_again_and_again_is_given_longer_pauses(tmp_path: Path) -> None:
    kept = child(tmp_path, "raise SystemExit(3)")
    kept.start()
    wait_for(lambda: kept.look_after() == 3)
    assert kept.look_after() is None
    assert kept.starts == 1, "not at once"


def test_ready_is_what_the_process_says_and_forgotten_when_it_starts_again(tmp_path: Path) -> None:
    program = "import os, pathlib, time; pathlib.Path(os.environ['AURA_READY_FILE']).touch(); time.sleep(60)"
    kept = child(tmp_path, program)
    kept.start()
    wait_for(lambda: kept.ready)
    end(kept, 5)
    idle = child(tmp_path, "import time; time.sleep(60)")
    idle.start()
    assert not idle.ready
    end(idle, 5)


def test_one_that_does_not_end_when_asked_is_ended(tmp_path: Path) -> None:
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    kept = child(tmp_path, program)
    kept.start()
    wait_for(lambda: "deaf" in kept.last_words())
    pid = kept.pid
    end(kept, 0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)
