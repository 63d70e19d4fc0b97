"""Starts the worker processes of a local Ray node: `python -m pipeline.cluster.fork_server LISTENER MODULE...`.

A worker of Ray is a Python process that imports Ray, Serve and the libraries of its stage: 1.7 to 6 s of CPU time each,
and the same memory again in each. This server imports the libraries once and forks for each worker, which inherits
them. It does not import Ray, whose configuration and random numbers are fixed when it is imported.

The raylet runs `forked_worker.py`, which sends its arguments, environment and standard streams to this server. LISTENER
is the file descriptor of a listening socket. The server ends when its standard input is closed; the workers continue.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

HEADER_BYTES: Final = 10
STREAMS: Final = 3
# As for the workers that a raylet starts: when memory is short, the kernel ends them first.
OOM_SCORE: Final = "1000"


@dataclass(frozen=True)
class Request:
    """What a worker process needs: its command line (the first element is a Python file), folder and environment."""

    argv: list[str]
    cwd: str
    environment: dict[str, str]
    streams: list[int]


def serve(listener: socket.socket, modules: Sequence[str]) -> None:
    """Accept connections once the modules are imported, until standard input ends. Earlier ones wait."""
    preload(modules)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps workers that end
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        accept(listener)


def preload(modules: Sequence[str]) -> None:
    """Import the modules. Collections of garbage would write to the pages that the workers share.

    A module that cannot be imported is left to the worker that needs it, which reports the error.
    """
    gc.disable()
    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    gc.collect()
    gc.freeze()
    gc.enable()


def accept(listener: socket.socket) -> None:
    """Fork a worker for one connection.

    The worker answers, not the server: a client without an answer becomes the worker itself, and two workers with the
    id of one end Ray's control store.
    """
    connection, _ = listener.accept()
    with connection:
        request = receive(connection)
        if request is None:
            return
        pid = os.fork()
        if pid == 0:
            listener.close()
            answer(connection)
            run_worker(request)
        for stream in request.streams:
            os.close(stream)


def answer(connection: socket.socket) -> None:
    """Send the process id of this worker to the client; SystemExit if it has gone."""
    try:
        with connection:
            connection.sendall(str(os.getpid()).encode())
    except OSError:
        sys.exit()


def receive(connection: socket.socket) -> Request | None:
    """The length in HEADER_BYTES decimal digits, then JSON, with three file descriptors attached.

    None if the client has gone before the end of its request.
    """
    data, streams, _, _ = socket.recv_fds(connection, 1 << 16, STREAMS)
    while len(data) < HEADER_BYTES or len(data) < HEADER_BYTES + int(data[:HEADER_BYTES]):
        chunk = connection.recv(1 << 16)
        if not chunk:
            return None
        data += chunk
    return Request(**json.loads(data[HEADER_BYTES:]), streams=streams)


def run_worker(request: Request) -> NoReturn:
    """Become the worker process. Runs in the child, and ends with SystemExit."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
        os.close(stream)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.environment)
    sys.argv, sys.path[0] = request.argv, str(Path(request.argv[0]).parent)
    runpy.run_path(request.argv[0], run_name="__main__")
    sys.exit()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
