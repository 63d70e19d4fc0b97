"""empty: a job that does nothing, from POST to its terminal event on a WebSocket.

The stages return at once, inside the dispatcher's process, so this is the share of gateway, database and dispatcher
without Ray: POST, claim, base clip, publish, notification, event.
"""

import asyncio
import json
import logging
import re
import statistics
import tempfile
import time
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog

from db.storage.local import LocalStorage
from pipeline.settings import PipelineSettings
from pipeline.worker.dispatcher import Dispatcher
from tests.bench import database, gateway_process, sockets
from tests.bench.database import Server, Sessions
from tests.bench.gateway_process import Running, User
from tests.bench.result import Goal, Result
from tests.pipeline.worker.conftest import InProcessCluster

JOBS: Final = 30
_SUCCEEDED: Final = re.compile(rb'"status": ?"succeeded"')
BODY: Final = json.dumps({"prompt": "a red circle", "width": 64, "height": 64, "fps": 8, "duration_seconds": 1.0})


async def measure(server: Server, *, quick: bool) -> list[Result]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    url = await server.database()
    (user,) = await gateway_process.users(url, 1)
    async with gateway_process.gateway(url) as running, database.sessions(url) as opened:
        commits = [await _commits(opened, user) for _ in range(10)]
        async with _dispatcher(url, opened):
            times = await _jobs(running, user, 5 if quick else JOBS)
    goal = Goal(60, "at most", of="numerator")
    what = "ms from POST to the terminal event, stages without Ray, ÷ its commits alone"
    return [Result("empty", what, statistics.median(times), statistics.median(commits), goal)]


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
