"""A supervised process: restart, backoff, readiness, stop, and its log."""

import os
import signal
import sys
from pathlib import Path

import pytest

from cli.system import supervised_process
from cli.system.supervised_process import SupervisedProcess
from tests.cli.system.conftest import wait_until


def supervised(tmp_path: Path, program: str) -> SupervisedProcess:
    command = [sys.executable, "-u", "-c", program]
    return SupervisedProcess(
        "test", command, environment=os.environ, log=tmp_path / "log", ready_file=tmp_path / "ready"
    )


def stop(process: SupervisedProcess, timeout: float = 5) -> None:
    process.terminate()
    process.wait(timeout)


def test_a_killed_process_is_restarted_and_its_exit_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised_process, "BACKOFF_SECONDS", (0.01,))
    process = supervised(tmp_path, "import time; time.sleep(60)")
    process.start()
    first = process.pid
    assert first
    os.kill(first, signal.SIGKILL)
    exits: list[int] = []

    def is_restarted() -> bool:
        status = process.restart_if_needed()
        if status is not None:
            exits.append(status)
        return process.pid not in (None, first)

    wait_until(is_restarted)
    stop(process)
    assert exits == [-signal.SIGKILL]


def test_a_failing_process_is_restarted_only_after_the_backoff(tmp_path: Path) -> None:
    process = supervised(tmp_path, "raise SystemExit(3)")
    process.start()
    wait_until(lambda: process.restart_if_needed() == 3)
    assert process.restart_if_needed() is None
    assert process.starts == 1
    stop(process)


def test_a_process_is_ready_once_it_creates_the_file_and_not_ready_after_a_new_start(tmp_path: Path) -> None:
    program = "import os, pathlib, time; pathlib.Path(os.environ['AURA_READY_FILE']).touch(); time.sleep(60)"
    process = supervised(tmp_path, program)
    process.start()
    wait_until(lambda: process.is_ready)
    stop(process)
    idle = supervised(tmp_path, "import time; time.sleep(60)")
    idle.start()
    assert not idle.is_ready
    stop(idle)


@pytest.mark.parametrize(
    ("program", "failure"),
    [
        ("raise SystemExit(3)", 3),
        ("raise SystemExit(75)", None),
        ("import os, pathlib; pathlib.Path(os.environ['AURA_READY_FILE']).touch(); raise SystemExit(3)", None),
    ],
    ids=["ended", "requests another start", "was ready"],
)
def test_only_a_process_that_was_never_ready_has_failed_to_start(
    program: str, failure: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised_process, "BACKOFF_SECONDS", (0.01,))
    process = supervised(tmp_path, program)
    process.start()
    first = process._process
    assert first
    first.wait(10)
    assert process.failure == failure
    if failure is None:
        wait_until(lambda: process.restart_if_needed() is None and process.starts == 2)
        assert process.failure == failure
    process.wait(5)


def test_a_process_that_ignores_sigterm_is_killed_after_the_timeout(tmp_path: Path) -> None:
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ignoring'); time.sleep(60)"
    process = supervised(tmp_path, program)
    process.start()
    wait_until(lambda: "ignoring" in process.log_tail())
    pid = process.pid
    stop(process, timeout=0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


def test_the_log_holds_the_output_of_all_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised_process, "BACKOFF_SECONDS", (0.01,))
    process = supervised(tmp_path, "import sys; print('output'); print('error', file=sys.stderr)")
    process.start()
    wait_until(lambda: process.restart_if_needed() is None and process.starts == 3)
    process.wait(5)
    assert process.log_tail(100).splitlines() == ["output", "error"] * 3


def test_a_killed_log_writer_is_replaced_and_the_process_keeps_running(tmp_path: Path) -> None:
    process = supervised(tmp_path, "import time\nwhile True: print('output'); time.sleep(0.01)")
    process.start()
    wait_until(process.log_tail)
    pid, log_pipe = process.pid, process._log_pipe
    assert log_pipe
    os.kill(log_pipe.writer_pid, signal.SIGKILL)
    (tmp_path / "log").write_text("")
    wait_until(lambda: process.restart_if_needed() or process.log_tail())
    assert process.pid == pid
    stop(process)
