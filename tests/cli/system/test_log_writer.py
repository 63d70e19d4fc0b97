"""Log rotation: bounded size, no lost line, and writers that survive `aura up` and are replaced if they die."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cli.system.log_pipe import LogPipe
from cli.system.log_writer import KEPT_FILES, copy
from tests.cli.system.conftest import wait_until

MAX_BYTES = 10_000


def log_files(path: Path) -> list[Path]:
    """Oldest first."""
    older = [path.with_name(f"{path.name}.{number}") for number in range(KEPT_FILES, 0, -1)]
    return [file for file in (*older, path) if file.exists()]


def logged_lines(path: Path) -> list[str]:
    return [line for file in log_files(path) for line in file.read_text().splitlines()]


def numbered(count: int) -> Iterator[bytes]:
    return (f"line {number:05}\n".encode() for number in range(count))


def test_no_line_is_lost_or_split_between_two_files(tmp_path: Path) -> None:
    path = tmp_path / "log"
    stream = b"".join(numbered(2000))
    copy((stream[start : start + 777] for start in range(0, len(stream), 777)), path, MAX_BYTES)
    assert len(log_files(path)) == 3
    assert logged_lines(path) == [f"line {number:05}" for number in range(2000)]


def test_a_line_is_not_split_if_its_line_break_is_written_separately(tmp_path: Path) -> None:
    path = tmp_path / "log"
    chunks = (chunk for line in numbered(2000) for chunk in (line.rstrip(b"\n"), b"\n"))
    copy(chunks, path, MAX_BYTES)
    assert logged_lines(path) == [f"line {number:05}" for number in range(2000)]


def test_the_oldest_lines_are_deleted_and_the_newest_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "log"
    copy(numbered(10_000), path, MAX_BYTES)
    files = log_files(path)
    assert [file.name for file in files] == ["log.2", "log.1", "log"]
    assert max(file.stat().st_size for file in files) <= MAX_BYTES + len(b"line 00000\n") * 2
    lines = logged_lines(path)
    assert lines == [f"line {number:05}" for number in range(10_000 - len(lines), 10_000)]


def test_output_without_line_breaks_is_rotated_too(tmp_path: Path) -> None:
    path = tmp_path / "log"
    copy((b"x" * 1000 for _ in range(100)), path, MAX_BYTES)
    assert len(log_files(path)) == KEPT_FILES
    assert max(file.stat().st_size for file in log_files(path)) <= 2 * MAX_BYTES + 1000


def write_lines(pipe: LogPipe, first: int, last: int) -> None:
    program = f"for number in range({first}, {last}): print(f'line {{number:05}}')"
    subprocess.run([sys.executable, "-u", "-c", program], stdout=pipe.write_end, check=True, timeout=30)


def test_a_process_that_writes_through_a_pipe_fills_rotated_files(tmp_path: Path) -> None:
    pipe = LogPipe(tmp_path / "log", max_bytes=100_000)
    write_lines(pipe, 0, 20_000)
    pipe.close()
    assert len(log_files(tmp_path / "log")) > 1
    assert logged_lines(tmp_path / "log") == [f"line {number:05}" for number in range(20_000)]


def test_a_killed_writer_is_replaced_and_the_output_meanwhile_is_kept(tmp_path: Path) -> None:
    pipe = LogPipe(tmp_path / "log", MAX_BYTES)
    write_lines(pipe, 0, 100)
    wait_until(lambda: len(logged_lines(tmp_path / "log")) == 100)
    killed = pipe.writer_pid
    os.kill(killed, signal.SIGKILL)
    write_lines(pipe, 100, 200)

    def is_replaced() -> bool:
        pipe.restart_writer_if_needed()
        return pipe.writer_pid != killed

    wait_until(is_replaced)
    pipe.close()
    assert logged_lines(tmp_path / "log") == [f"line {number:05}" for number in range(200)]


def test_a_writer_ignores_sigterm_until_the_output_ends(tmp_path: Path) -> None:
    pipe = LogPipe(tmp_path / "log", MAX_BYTES)
    write_lines(pipe, 0, 1)
    wait_until(lambda: logged_lines(tmp_path / "log"))
    os.kill(pipe.writer_pid, signal.SIGTERM)
    write_lines(pipe, 1, 2)
    pipe.close()
    assert logged_lines(tmp_path / "log") == ["line 00000", "line 00001"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full, which simulates a full disk")
def test_a_full_disk_does_not_stop_the_process_that_writes() -> None:
    pipe = LogPipe(Path("/dev/full"))
    write_lines(pipe, 0, 20_000)  # more than the pipe holds
    pipe.restart_writer_if_needed()
    pipe.close()


SUPERVISOR = """
import os, sys, time
from pathlib import Path
from cli.system.supervised_process import SupervisedProcess
log = Path(sys.argv[1])
process = SupervisedProcess("test", [sys.executable, "-u", "-c", sys.argv[2]], environment=os.environ, log=log)
process.start()
print(process.pid, flush=True)
time.sleep(60)
"""
# Writes more than the pipe holds, after the death of its parent has sent it SIGTERM.
WRITES_ON_SIGTERM = """
import signal, sys, time
def shut_down(*_):
    time.sleep(0.5)
    for number in range(20_000):
        print(f"line {number:05}")
    sys.exit()
signal.signal(signal.SIGTERM, shut_down)
print("started")
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sends a signal when the parent dies")
def test_log_lines_are_written_after_the_supervisor_was_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", SUPERVISOR, str(log), WRITES_ON_SIGTERM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout
        pid = int(supervisor.stdout.readline())
        wait_until(lambda: logged_lines(log) == ["started"])
        supervisor.send_signal(signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid))
    expected = ["started", *(f"line {number:05}" for number in range(20_000))]
    wait_until(lambda: logged_lines(log) == expected)
    wait_until(lambda: not writers(log))


def writers(log: Path) -> list[psutil.Process]:
    """The processes with the path of the log in their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(log) in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found
