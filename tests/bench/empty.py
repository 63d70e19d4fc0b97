"""empty: a job that does nothing, from POST to its terminal event on a WebSocket.

Once with stages inside the dispatcher's process, which is the share of gateway, database and dispatcher: POST, claim,
base clip, publish, notification, event. Once with sleeping stages on Ray, which also encode and store a small file.
"""

import asyncio
import json
import logging
import re
import statistics
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog

from db.storage.local import LocalStorage
from pipeline.settings import PipelineSettings
from pipeline.worker.dispatcher import Dispatcher
from tests.bench import database, gateway_process, sockets
from tests.bench.database import REPOSITORY, Server, Sessions
from tests.bench.gateway_process import Running, User
from tests.bench.ray_system import RaySystem
from tests.bench.ray_system import running as ray_running
from tests.bench.result import Goal, Result
from tests.pipeline.worker.conftest import InProcessCluster

JOBS: Final = 30
# A job calls five stages at least once each.
CALLS: Final = 5
_SUCCEEDED: Final = re.compile(rb'"status": ?"succeeded"')
BODY: Final = json.dumps({"prompt": "a red circle", "width": 64, "height": 64, "fps": 8, "duration_seconds": 1.0})


async def measure(server: Server, *, quick: bool) -> list[Result]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    url = await server.database()
    (user,) = await gateway_process.users(url, 1)
    async with gateway_process.gateway(url) as running, database.sessions(url) as opened:
        commits = statistics.median([await _commits(opened, user) for _ in range(10)])
        async with _dispatcher(url, opened):
            times = await _jobs(running, user, 5 if quick else JOBS)
    what = "ms from POST to the terminal event, stages without Ray, ÷ its commits alone"
    result = Result("empty", what, statistics.median(times), commits, Goal(60, "at most", of="numerator"))
    return [result] if quick else [result, await _with_ray(server, commits)]


async def _with_ray(server: Server, commits: float) -> Result:
    async with ray_running(server) as system, gateway_process.gateway(system.url) as running:
        (user,) = await gateway_process.users(system.url, 1)
        await system.run("warm up")
        times = await _jobs(running, user, JOBS)
        calls = CALLS * statistics.median(await _handle_calls(system))
    what = "ms from POST to the terminal event, sleeping stages on Ray, ÷ five calls and its commits"
    return Result("empty", what, statistics.median(times), calls + commits, Goal(1.5, "at most"))


async def _handle_calls(system: RaySystem) -> list[float]:
    """Milliseconds of calls of `preprocess` by a process that does nothing else."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.handle_calls", str(JOBS), cwd=REPOSITORY, env=system.environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"handle_calls ended with status {process.returncode}")
    return [float(line) for line in output.split()]


async def _commits(opened: Sessions, user: User) -> float:
    """Milliseconds of the transactions that submit, claim and publish a job."""
    began = time.perf_counter()
    await database.enqueue(opened, user.id)
    await database.publish(opened, await database.claim(opened))
    return (time.perf_counter() - began) * 1000


@asynccontextmanager
async def _dispatcher(url: str, opened: Sessions) -> Any:
    stop = asyncio.Event()
    with tempfile.TemporaryDirectory(prefix="aura-bench-") as folder:
        storage = LocalStorage(folder, b"k" * 32)
        cluster = InProcessCluster(storage)
        cluster.release.set()
        dispatcher = Dispatcher(
            owner="bench", sessions=opened, storage=storage, cluster=cluster, database_url=url,
            settings=PipelineSettings(_env_file=None),
        )  # fmt: skip
        task = asyncio.create_task(dispatcher.run(stop))
        await asyncio.sleep(1)
        try:
            yield
        finally:
            stop.set()
            await task


async def _jobs(running: Running, user: User, count: int) -> list[float]:
    request = (
        f"POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {user.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"
    ).encode()
    events, events_writer = await sockets._open(running.port, user)
    times = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(head.decode())
        async with asyncio.timeout(30):
            while not _SUCCEEDED.search((await sockets._message(events))[1]):
                pass
        times.append((time.perf_counter() - began) * 1000)
        writer.close()
        # The rate limit of submissions is one a second on average.
        await asyncio.sleep(0.05)
    events_writer.close()
    return times
