"""The Ray node that `head.py` starts on this machine: without the parts that one machine does not need.

Changes what `ray.init` calls, because it does not pass on these parameters (decision 22).
"""

import functools
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import ray
import ray._private.parameter
import ray._private.services
from ray._private.parameter import RayParams
from ray._private.workers import __path__ as worker_folders

from pipeline.contract.progress import Stage

# What Ray, Serve and the stages import. Not Ray itself, see `fork_server`.
LIBRARIES: Final = (
    "numpy",
    "fastapi",
    "uvicorn",
    "requests",
    "jsonschema",
    "psutil",
    "opentelemetry.sdk.metrics",
    "opentelemetry.sdk.trace",
    "google.protobuf.reflection",
    "db.storage.open",
    "pipeline.settings",
)


@contextmanager
def fork_server(stages: str) -> Iterator[dict[str, Any]]:
    """Start the server for the stage classes of this package; the parameters of Ray with which a node uses it.

    Linux only: elsewhere, forking after such imports is not safe, and there are no parameters. The server ends when
    this process ends, however it ends: its standard input is a pipe that only this process has open.
    """
    if sys.platform != "linux":
        yield {}
        return
    modules = [*LIBRARIES, *(f"{stages}.{stage}" for stage in Stage)]
    # The path of a socket is short, and TMPDIR may be long.
    with tempfile.TemporaryDirectory(prefix="aura-", dir="/tmp") as folder:
        path = str(Path(folder, "socket"))
        with start_fork_server(path, modules) as process:
            os.environ["AURA_FORK_SERVER"] = path
            os.environ["AURA_RAY_WORKER"] = str(Path(worker_folders[0], "default_worker.py"))
            try:
                yield {"worker_path": str(Path(__file__).with_name("forked_worker.py"))}
            finally:
                process.kill()


def start_fork_server(path: str, modules: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Clients may connect at once; they are answered when the modules are imported."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "pipeline.cluster.fork_server", str(listener.fileno()), *modules],
            stdin=subprocess.PIPE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # a fork copies the calling thread only
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )


def start_node(parameters: dict[str, Any], **options: Any) -> Any:
    """`ray.init(**options)` with further parameters of the node: without log monitor, autoscaler and API server.

    The API server serves the dashboard, the jobs and the states of Ray. Ray starts it, and waits for it, even if there
    is no dashboard; it goes on without it, as it does where the server fails to start.
    """
    params = functools.partial(RayParams, include_log_monitor=False, no_monitor=True, **parameters)
    with (
        replaced(ray._private.parameter, "RayParams", params),
        replaced(ray._private.services, "start_api_server", lambda *_, **__: (None, None)),
    ):
        return ray.init(**options)


@contextmanager
def replaced(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    original = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, original)
