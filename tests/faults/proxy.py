"""A TCP proxy on the loopback address that can be slow, deaf, cut, or swallow exactly one answer."""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

CHUNK = 65536
T = TypeVar("T")
_WORDS = b"<?xml version='1.0'?><Error><Code>XMinioStorageFull</Code><Message>no room</Message></Error>"
FULL = (
    b"HTTP/1.1 507 Insufficient Storage\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_WORDS), _WORDS)
)


@dataclass(eq=False)
class Line:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    sent: int = 0
    """Bytes of the request that goes through, and whether it is one of those to be reset."""
    puts: bool = False
    seen: bytes = b""
    """What was said lately, by either end, to recognise a moment by."""
    swallow: bool = False
    listens: bool = False

    def cut(self) -> None:
        """Both ends see a reset, as when a machine on the way dies."""
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass(eq=False)
class Proxy:
    """Faults hold until `heal`. Everything runs in the loop of a Proxies' thread; any thread may set the attributes."""

    target: int
    port: int = 0
    latency: float = 0.0
    refuse: bool = False
    black_hole: bool = False
    cut_after: tuple[bytes, int] | None = None
    """(name, bytes): reset a connection when so many bytes of a PUT of HTTP to such a name have gone through."""
    full: bool = False
    """Answer each PUT of HTTP as an object store does that has no room left."""
    swallow: tuple[bytes, bytes] | None = None
    """(mark, last): cut instead of the answer to `last`, once, on a connection over which `mark` has gone before."""
    deaf_listeners: bool = False
    """Nothing comes back any more on a connection that has said LISTEN."""
    swallowed: int = 0
    unheard: int = 0
    cuts: int = 0
    lines: set[Line] = field(default_factory=set)

    def heal(self) -> None:
        self.latency, self.refuse, self.black_hole, self.deaf_listeners = 0.0, False, False, False
        self.full, self.cut_after, self.swallow = False, None, None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        line = Line(writer, far_writer)
        self.lines.add(line)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._there(line, reader))
                both.create_task(self._back(line, far_reader))
        except* OSError:
            pass
        finally:
            line.cut()
            self.lines.discard(line)

    async def _there(self, line: Line, reader: asyncio.StreamReader) -> None:
        while data := await self._read(reader):
            if self.cut_after and self._is_too_much(line, data, *self.cut_after):
                line.server.write(data[: self.cut_after[1] - line.sent])
                await line.server.drain()
                self.cuts += 1
                raise ConnectionResetError
            line.sent += len(data)
            if self.full and data.startswith(b"PUT ") and b"/" in data.split()[1][1:]:
                line.client.write(FULL)
                await line.client.drain()
                raise ConnectionResetError
            self._recognise(line, data)
            line.server.write(data)
            await line.server.drain()
        line.server.write_eof()

    @staticmethod
    def _is_too_much(line: Line, data: bytes, name: bytes, most: int) -> bool:
        """A request begins where a chunk does: a client waits for the answer to the one before."""
        head, found, _ = data.partition(b" HTTP/1.1\r\n")
        if found and head.count(b" ") == 1:
            line.sent, line.puts = 0, head.startswith(b"PUT ") and name in head
        return line.puts and line.sent + len(data) > most

    def _recognise(self, line: Line, data: bytes) -> None:
        line.listens = line.listens or b"LISTEN" in data
        self._remember(line, data)
        if self.swallow and self.swallow[0] in line.seen and self.swallow[1] in data:
            self.swallow, line.swallow = None, True

    def _remember(self, line: Line, data: bytes) -> None:
        if self.swallow:
            line.seen = (line.seen + data)[-CHUNK:]

    async def _back(self, line: Line, reader: asyncio.StreamReader) -> None:
        while data := await self._read(reader):
            if line.swallow:
                self.swallowed += 1
                raise ConnectionResetError
            if line.listens and self.deaf_listeners:
                self.unheard += len(data)
                continue
            self._remember(line, data)
            line.client.write(data)
            await line.client.drain()
        line.client.write_eof()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        data = await reader.read(CHUNK)
        if self.latency:
            await asyncio.sleep(self.latency)
        while self.black_hole:  # noqa: ASYNC110  (set by another thread)
            await asyncio.sleep(0.02)
        return data


class Proxies:
    """A thread with an event loop, in which proxies live whatever the tests do."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        self._servers: list[tuple[asyncio.Server, Proxy]] = []

    def to(self, target: int) -> Proxy:
        return self._run(self._open(Proxy(target)))

    async def _open(self, proxy: Proxy) -> Proxy:
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        self._servers.append((server, proxy))
        return proxy

    def cut(self, proxy: Proxy) -> None:
        """Reset every connection that is open now."""
        self._run(_cut(proxy))

    def close(self) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        for server, proxy in self._servers:
            server.close()
            proxy.heal()
            for line in list(proxy.lines):
                line.cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


async def _cut(proxy: Proxy) -> None:
    for line in list(proxy.lines):
        line.cut()
