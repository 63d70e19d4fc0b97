"""leak, the part of the processes: memory of the gateway, the dispatcher and Ray while jobs come and go."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Final

import psutil

from tests.bench import gateway_process, sockets
from tests.bench.database import Server
from tests.bench.ray_system import RaySystem, running
from tests.bench.result import Goal, Result

FIRST, LAST = 50, 250
JOBS_AT_ONCE: Final = 10


async def measure(server: Server) -> list[Result]:
    """The own memory of each process from job 50 to job 250, while a WebSocket receives their events."""
    async with running(server) as system, gateway_process.gateway(system.url) as gateway:
        (user,) = await gateway_process.users(system.url, 1)
        system.owners[:] = [user.id]
        events, writer = await sockets._open(gateway.port, user)
        reading = asyncio.create_task(_read_all(events))
        await _run(system, FIRST)
        before = _memory(gateway.process, system)
        await _run(system, LAST - FIRST)
        after = _memory(gateway.process, system)
        reading.cancel()
        writer.close()
    return [
        Result("leak", f"MB of {key[0]} at job {LAST} ÷ at job {FIRST}", after[key] / 1e6, used / 1e6,
               Goal(1.02, "at most"))
        for key, used in before.items() if key in after
    ]  # fmt: skip


async def _run(system: RaySystem, jobs: int) -> None:
    for _ in range(jobs // JOBS_AT_ONCE):
        await system.ended([await system.submit("nothing") for _ in range(JOBS_AT_ONCE)])


async def _read_all(events: asyncio.StreamReader) -> None:
    while True:
        await sockets._message(events)


def _memory(gateway: psutil.Process, system: RaySystem) -> dict[tuple[str, int], int]:
    """Bytes of each process that no other process shares, by name and process id."""
    found = {}
    for name, process in _processes(gateway, system):
        with contextlib.suppress(psutil.NoSuchProcess):
            found[name, process.pid] = int(process.memory_full_info().uss)
    return found


def _processes(gateway: psutil.Process, system: RaySystem) -> Iterable[tuple[str, psutil.Process]]:
    yield "gateway", gateway
    head, dispatcher = (psutil.Process(process.pid) for process in system.processes)
    yield "dispatcher", dispatcher
    yield "head", head
    for process in head.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            yield process.cmdline()[0].rpartition("/")[2].removeprefix("ray::ServeReplica:"), process
