"""gateway: signed-in `GET /api/status` per second, against bare Starlette and asyncpg reading the same row."""

import asyncio
import statistics
import time
from uuid import UUID

from tests.bench import database, gateway_process
from tests.bench.database import Server
from tests.bench.gateway_process import Running, User
from tests.bench.result import Goal, Result

CONNECTIONS, REQUESTS_PER_BLOCK, BLOCKS = 4, 200, 10


async def measure(server: Server, *, quick: bool) -> list[Result]:
    url = await server.database()
    (user,) = await gateway_process.users(url, 1)
    async with database.sessions(url) as opened:
        job_id = await _running_job(opened, user)
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    async with gateway_process.gateway(url) as ours, gateway_process.bare(url) as bare:
        for _ in range(1 + (3 if quick else BLOCKS)):
            for name, running in (("ours", ours), ("bare", bare)):
                rates[name].append(await _per_second(running, user, job_id))
    ours_rate, bare_rate = (statistics.median(values[1:]) for values in rates.values())
    what = "GET /api/status per second ÷ bare Starlette + asyncpg"
    return [Result("gateway", what, ours_rate, bare_rate, Goal(0.5, "at least"))]


async def _running_job(opened: database.Sessions, user: User) -> UUID:
    await database.enqueue(opened, user.id)
    return (await database.claim(opened)).job_id


async def _per_second(running: Running, user: User, job_id: UUID) -> float:
    request = (
        f"GET /api/status/{job_id} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {user.token}\r\n\r\n"
    ).encode()
    began = time.perf_counter()
    await asyncio.gather(*(_requests(running.port, request) for _ in range(CONNECTIONS)))
    return REQUESTS_PER_BLOCK / (time.perf_counter() - began)


async def _requests(port: int, request: bytes) -> None:
    """Requests on one connection, one after the other. An HTTP library would take longer than the server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(REQUESTS_PER_BLOCK // CONNECTIONS):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.partition(b":")[2]))
    writer.close()
    await writer.wait_closed()
