"""events, sockets: many WebSockets on one gateway process, each of another user with one event a second."""

import asyncio
import base64
import contextlib
import json
import os
import re
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from db.direct import Direct, Statement
from tests.bench import database, gateway_process
from tests.bench.database import Server
from tests.bench.gateway_process import Running, User
from tests.bench.result import Goal, Result

EVENTS_SOCKETS, MANY_SOCKETS = 500, 2000
BATCHES_PER_SECOND: Final = 20
_EVENT: Final = re.compile(rb'"type": ?"job.progress".*?"job_id": ?"([0-9a-f-]{36})", ?"revision": ?(\d+)')
# As a dispatcher writes progress, for several jobs at once so that the writer costs little.
_EMIT: Final = Statement.of("""
    UPDATE jobs SET progress = jsonb_build_object('value', CAST(:value AS float8)),
        revision = revision + 1, updated_at = clock_timestamp()
    WHERE id = ANY(CAST(:ids AS uuid[]))
    RETURNING id, revision, pg_notify('jobs', json_build_object('type', 'progress', 'job_id', id,
        'owner_id', owner_id, 'revision', revision)::text)""")
_START: Final = Statement.of("""
    INSERT INTO jobs (id, owner_id, spec, status, attempt, lease_owner, lease_expires_at, started_at)
    SELECT gen_random_uuid(), owner_id, CAST(:spec AS jsonb), 'running', 1, 'bench', now() + interval '1 hour', now()
    FROM unnest(CAST(:owner_ids AS uuid[])) AS owner_id RETURNING id""")

Event = tuple[str, int]


@dataclass
class Received:
    """When each event was sent and received, in seconds. A newer event of the same job replaces one that waits."""

    sent: dict[Event, float] = field(default_factory=dict)
    at: dict[Event, float] = field(default_factory=dict)

    def latencies_ms(self) -> list[float]:
        """Milliseconds until each event or a newer one of its job was received."""
        latest: dict[str, float] = {}
        waited = []
        for job_id, revision in sorted(self.sent.keys() | self.at.keys(), key=lambda event: -event[1]):
            event = (job_id, revision)
            latest[job_id] = self.at.get(event, latest.get(job_id, float("inf")))
            if event in self.sent:
                waited.append((latest[job_id] - self.sent[event]) * 1000)
        return sorted(waited)

    @property
    def lost(self) -> int:
        return sum(latency == float("inf") for latency in self.latencies_ms())


async def measure(server: Server, *, quick: bool) -> list[Result]:
    events = await _hold(server, 100 if quick else EVENTS_SOCKETS, seconds=5 if quick else 20)
    many = await _hold(server, 200 if quick else MANY_SOCKETS, seconds=5 if quick else 60)
    latencies = events.received.latencies_ms()
    p99 = latencies[int(0.99 * (len(latencies) - 1))]
    at_most = "at most"
    return [
        Result("events", f"emit to client p99 ms, {events.sockets} sockets, ÷ median", p99,
               latencies[len(latencies) // 2], Goal(100, at_most, "numerator")),
        Result("events", "events lost ÷ sent", events.received.lost, len(events.received.sent), Goal(0, at_most)),
        Result("sockets", "sockets held with 1 event/s ÷ opened", many.open_at_the_end, many.sockets,
               Goal(1, "at least")),
        Result("sockets", "KiB of the gateway per socket ÷ 1", many.bytes_per_socket / 1024, 1,
               Goal(45, at_most, "numerator")),
        Result("sockets", f"core used while nothing happens, {many.sockets} sockets, ÷ 1", many.idle_cores, 1,
               Goal(0.05, at_most, "numerator")),
    ]  # fmt: skip


@dataclass
class Held:
    sockets: int
    received: Received
    open_at_the_end: int
    bytes_per_socket: float
    idle_cores: float


async def _hold(server: Server, count: int, seconds: float) -> Held:
    url = await server.database()
    users = await gateway_process.users(url, count)
    direct = Direct(url)
    values = {"spec": json.dumps(database.SPEC), "owner_ids": [user.id for user in users]}
    jobs = [row["id"] for row in await direct.write(_START, values)]
    received = Received()
    async with gateway_process.gateway(url) as running:
        empty = running.memory_bytes()
        async with _sockets(running, users, received) as readers:
            memory = (running.memory_bytes() - empty) / count
            idle = await _idle_cores(running, min(seconds, 10))
            await _emit(direct, jobs, seconds, received)
            await asyncio.sleep(2)
            still_open = sum(not reader.done() for reader in readers)
    await direct.close()
    return Held(count, received, still_open, memory, idle)


async def _idle_cores(running: Running, seconds: float) -> float:
    await asyncio.sleep(2)
    before = running.cpu_seconds()
    await asyncio.sleep(seconds)
    return (running.cpu_seconds() - before) / seconds


async def _emit(direct: Direct, jobs: list[UUID], seconds: float, received: Received) -> None:
    """One event a second for each job, spread over the second."""
    began, batch = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        due = began + batch / BATCHES_PER_SECOND
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        ids = jobs[batch % BATCHES_PER_SECOND :: BATCHES_PER_SECOND]
        rows = await direct.write(_EMIT, {"value": min(1.0, (batch + 1) / 10_000), "ids": ids}) if ids else []
        now = time.monotonic()
        received.sent.update({(str(row["id"]), row["revision"]): now for row in rows})
        batch += 1


@contextlib.asynccontextmanager
async def _sockets(
    running: Running, users: list[User], received: Received
) -> AsyncIterator[list["asyncio.Task[None]"]]:
    tasks = []
    try:
        for start in range(0, len(users), 20):
            opened = await asyncio.gather(*(_open(running.port, user) for user in users[start : start + 20]))
            tasks += [asyncio.create_task(_read(*streams, received)) for streams in opened]
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _open(port: int, user: User) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket without a library, which would use more of the machine than the gateway."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /api/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101"):
        raise RuntimeError(head.decode())
    writer.write(_frame(1, json.dumps({"type": "auth", "token": user.token}).encode()))
    for expected in (b'"hello"', b'"snapshot"'):
        try:
            _, message = await _message(reader)
        except asyncio.IncompleteReadError as error:  # an EOFError, which a command line takes for Ctrl-D
            raise RuntimeError("the gateway closed the connection") from error
        if expected not in message[:40]:
            raise RuntimeError(f"{expected!r} was expected, not {message[:200]!r}")
    return reader, writer


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: Received) -> None:
    """Receive until the connection ends."""
    try:
        while True:
            opcode, message = await _message(reader)
            now = time.monotonic()
            if opcode == 8:
                return
            if opcode == 9:
                writer.write(_frame(10, message))
            elif event := _EVENT.search(message):
                received.at[event[1].decode(), int(event[2])] = now
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def _message(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The opcode and the payload of one frame; the gateway fragments no message."""
    first, length = await reader.readexactly(2)
    if length == 126:
        (length,) = struct.unpack(">H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack(">Q", await reader.readexactly(8))
    return first & 15, await reader.readexactly(length)


def _frame(opcode: int, payload: bytes) -> bytes:
    """A masked frame. A mask of zeros is allowed and leaves the payload as it is."""
    size = len(payload)
    length = bytes([128 | size]) if size < 126 else bytes([128 | 126]) + struct.pack(">H", size)
    return bytes([128 | opcode]) + length + bytes(4) + payload
