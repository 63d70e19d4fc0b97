"""The fork server: a worker has its own arguments, environment and streams, and starts without the server too."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.cluster import forked_worker
from pipeline.cluster.local_node import start_fork_server

ROOT = Path(__file__).parents[3]
WORKER = """
import atexit, json, os, random, signal, sys, uuid
print(json.dumps({
    "argv": sys.argv[1:], "cwd": os.getcwd(), "name": __name__, "path": sys.path[0], "mark": os.environ.get("MARK"),
    "preloaded": "decimal" in sys.modules, "ray": "ray" in sys.modules, "random": [random.random(), uuid.uuid4().hex],
    "children": repr(signal.getsignal(signal.SIGCHLD)).split(":")[0].strip("<"),
    "files": len(os.listdir("/proc/self/fd")), "parent": os.getppid(),
}), flush=True)
print("to standard error", file=sys.stderr)
atexit.register(lambda: print("at exit"))
if "wait" in sys.argv: signal.pause()
if "fail" in sys.argv: raise ValueError("on purpose")
"""
StartWorker = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with start_fork_server(str(tmp_path / "socket"), ["decimal", "there.is.no.such.module"]) as process:
        yield process
        process.kill()


@pytest.fixture
def start_worker(tmp_path: Path) -> StartWorker:
    """Runs what the raylet runs, until its output ends: the worker has the same streams, so it has ended too."""
    worker = tmp_path / "worker" / "worker.py"
    worker.parent.mkdir()
    worker.write_text(WORKER)

    def start(*arguments: str, mark: str = "x") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(ROOT / "pipeline/cluster/forked_worker.py"), *arguments]
        environment = os.environ | {
            "AURA_FORK_SERVER": str(tmp_path / "socket"), "AURA_RAY_WORKER": str(worker), "MARK": mark,
        }  # fmt: skip
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
        )

    return start


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def answer(run: "subprocess.CompletedProcess[str]") -> dict[str, object]:
    values: dict[str, object] = json.loads(run.stdout.splitlines()[0])
    return values


@pytest.mark.usefixtures("server")
def test_a_forked_worker_is_like_a_started_one(start_worker: StartWorker, tmp_path: Path) -> None:
    run = start_worker("--one", "two", mark="own")
    seen = answer(run)
    expected = {"argv": ["--one", "two"], "cwd": str(tmp_path), "name": "__main__", "path": str(tmp_path / "worker"),
                "mark": "own", "children": "Handlers.SIG_DFL"}  # fmt: skip
    assert expected.items() <= seen.items()
    assert run.stderr == "to standard error\n"
    assert run.stdout.splitlines()[-1] == "at exit"


def test_it_inherits_the_imported_modules_but_not_ray(
    start_worker: StartWorker, server: "subprocess.Popen[bytes]"
) -> None:
    seen = answer(start_worker())
    assert seen["parent"] == server.pid
    assert (seen["preloaded"], seen["ray"]) == (True, False)


@pytest.mark.usefixtures("server")
def test_two_workers_have_different_random_numbers_and_no_foreign_files(start_worker: StartWorker) -> None:
    first, second = answer(start_worker()), answer(start_worker())
    assert not set(first["random"]) & set(second["random"])  # type: ignore[call-overload]
    assert first["files"] == second["files"] == 4  # the streams, and the listing of the folder itself


@pytest.mark.usefixtures("server")
def test_an_error_of_a_worker_is_printed_and_does_not_end_the_server(start_worker: StartWorker) -> None:
    assert "ValueError: on purpose" in start_worker("fail").stderr
    assert answer(start_worker())["argv"] == []


def test_a_worker_starts_without_the_server(start_worker: StartWorker, server: "subprocess.Popen[bytes]") -> None:
    answer(start_worker())
    server.kill()
    server.wait()
    seen = answer(start_worker("--one"))
    assert (seen["argv"], seen["preloaded"]) == (["--one"], False)


@pytest.mark.usefixtures("server")
def test_a_client_that_is_slow_to_read_takes_the_forked_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It would become a second worker with the same id, which ends the whole node."""
    monkeypatch.setenv("AURA_FORK_SERVER", str(tmp_path / "socket"))
    worker = tmp_path / "worker.py"
    worker.write_text(f"open({str(tmp_path / 'ended')!r}, 'w').close()")
    send = socket.send_fds

    def send_and_wait(*arguments: Any) -> int:
        sent = send(*arguments)
        until((tmp_path / "ended").exists)
        return sent

    monkeypatch.setattr(socket, "send_fds", send_and_wait)
    assert forked_worker.fork([str(worker)])


def test_no_worker_is_forked_for_a_client_that_has_gone(tmp_path: Path, start_worker: StartWorker) -> None:
    """It has become the worker itself, or was killed."""
    worker = tmp_path / "orphan.py"
    worker.write_text(f"open({str(tmp_path / 'started')!r}, 'w').close()")
    request = {"argv": [str(worker)], "cwd": str(tmp_path), "environment": {}}
    body = json.dumps(request).encode()
    with start_fork_server(str(tmp_path / "socket"), ["decimal"]) as server:
        os.kill(server.pid, signal.SIGSTOP)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "socket"))
            socket.send_fds(client, [b"%010d" % len(body) + body], [0, 1, 2])
        os.kill(server.pid, signal.SIGCONT)
        assert answer(start_worker())["parent"] == server.pid
        server.kill()
    assert not (tmp_path / "started").exists()


def test_the_server_ends_with_its_parent_and_the_workers_live_on(
    tmp_path: Path, server: "subprocess.Popen[bytes]"
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(f"import time, os; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    environment = {"AURA_FORK_SERVER": str(tmp_path / "socket"), "AURA_RAY_WORKER": str(worker)}
    subprocess.run([sys.executable, forked_worker.__file__], env=os.environ | environment, timeout=30, check=True)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    assert server.stdin
    server.stdin.close()  # as the kernel does when the parent ends
    assert server.wait(10) == 0
    process = psutil.Process(int((tmp_path / "pid").read_text()))
    assert process.is_running()
    process.kill()
