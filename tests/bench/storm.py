"""login storm: what a reader of the status notices of 20 people who sign in at once."""

import asyncio
import json
import time
from typing import Final

import asyncpg

from api.auth.passwords import Passwords
from db.settings import plain_url
from tests.bench import database, gateway_process
from tests.bench.database import Server
from tests.bench.gateway_process import Running
from tests.bench.result import Goal, Result

LOGINS: Final = 20
REQUESTS: Final = 400
PASSWORD: Final = "correct horse battery staple"


async def measure(server: Server, *, quick: bool) -> list[Result]:
    url = await server.database()
    reader, *_ = await gateway_process.users(url, 1 + LOGINS)
    hashed = await Passwords().hash(PASSWORD)
    connection = await asyncpg.connect(plain_url(url))
    await connection.execute("UPDATE users SET password_hash = $1", hashed)
    emails = [row["email"] for row in await connection.fetch("SELECT email FROM users WHERE id <> $1", reader.id)]
    await connection.close()
    async with database.sessions(url) as opened:
        await database.enqueue(opened, reader.id)
        job_id = (await database.claim(opened)).job_id
    request = _get(f"/api/status/{job_id}", reader.token)
    async with gateway_process.gateway(url) as running:
        await _times(running, request, 50)
        idle = await _times(running, request, 100 if quick else REQUESTS)
        logins = asyncio.gather(*(_log_in(running, email) for email in emails))
        during = []
        while not logins.done():
            during += await _times(running, request, 5)
        await logins
    what = f"p99 ms of GET /api/status during {LOGINS} logins at once ÷ before"
    return [Result("storm", what, _p99(during), _p99(idle), Goal(3, "at most"))]


async def _times(running: Running, request: bytes, count: int) -> list[float]:
    """Milliseconds of requests one after the other."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        await _send(running, request, b"HTTP/1.1 200")
        times.append((time.perf_counter() - began) * 1000)
    return times


async def _log_in(running: Running, email: str) -> None:
    body = json.dumps({"email": email, "password": PASSWORD})
    head = "POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
    await _send(running, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode(), b"HTTP/1.1 200")


async def _send(running: Running, request: bytes, expected: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    if not answer.startswith(expected):
        raise RuntimeError(answer[:500].decode())


def _get(path: str, token: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    return f"{head}Authorization: Bearer {token}\r\n\r\n".encode()


def _p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]
