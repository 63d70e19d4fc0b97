"""A TCP proxy on 127.0.0.1 that injects network faults: latency, black holes, resets, and one lost reply."""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

CHUNK_BYTES = 65536
T = TypeVar("T")
_FULL_BODY = b"<?xml version='1.0'?><Error><Code>XMinioStorageFull</Code><Message>no space</Message></Error>"
_FULL_RESPONSE = (
    b"HTTP/1.1 507 Insufficient Storage\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_FULL_BODY), _FULL_BODY)
)


@dataclass(eq=False)
class Connection:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    # Bytes of the current HTTP request that were forwarded, and whether `reset_put` applies to it.
    request_bytes: int = 0
    is_matching_put: bool = False
    # The last bytes in both directions, in which `drop_reply` looks for its marker.
    recent: bytes = b""
    drops_next_reply: bool = False
    is_listener: bool = False

    def reset(self) -> None:
        """Reset both ends."""
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass(eq=False)
class Proxy:
    """Faults last until `heal`. The proxy runs in the thread of Proxies; any thread may set the attributes."""

    target: int
    port: int = 0
    latency: float = 0.0
    refuse: bool = False
    black_hole: bool = False
    # (name, bytes): reset a connection once this many bytes of an HTTP PUT to a URL with this name were forwarded.
    reset_put: tuple[bytes, int] | None = None
    # Answer every HTTP PUT of an object as a full object store does.
    storage_full: bool = False
    # (marker, request): on a connection that has carried the marker, reset instead of the reply to the request, once.
    drop_reply: tuple[bytes, bytes] | None = None
    # Drop everything the server sends on connections that have executed LISTEN.
    drop_notifications: bool = False
    dropped_replies: int = 0
    dropped_notification_bytes: int = 0
    resets: int = 0
    connections: set[Connection] = field(default_factory=set)

    def heal(self) -> None:
        self.latency, self.refuse, self.black_hole, self.drop_notifications = 0.0, False, False, False
        self.storage_full, self.reset_put, self.drop_reply = False, None, None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        connection = Connection(writer, server_writer)
        self.connections.add(connection)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward_requests(connection, reader))
                both.create_task(self._forward_replies(connection, server_reader))
        except* OSError:
            pass
        finally:
            connection.reset()
            self.connections.discard(connection)

    async def _forward_requests(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        while data := await self._read(reader):
            if self.reset_put and self._exceeds(connection, data, *self.reset_put):
                connection.server.write(data[: self.reset_put[1] - connection.request_bytes])
                await connection.server.drain()
                self.resets += 1
                raise ConnectionResetError
            connection.request_bytes += len(data)
            if self.storage_full and data.startswith(b"PUT ") and b"/" in data.split()[1][1:]:
                connection.client.write(_FULL_RESPONSE)
                await connection.client.drain()
                raise ConnectionResetError
            self._inspect(connection, data)
            connection.server.write(data)
            await connection.server.drain()
        connection.server.write_eof()

    @staticmethod
    def _exceeds(connection: Connection, data: bytes, name: bytes, limit: int) -> bool:
        """Whether `data` exceeds the limit. An HTTP request starts with a chunk, since clients do not pipeline."""
        head, found, _ = data.partition(b" HTTP/1.1\r\n")
        if found and head.count(b" ") == 1:
            connection.request_bytes = 0
            connection.is_matching_put = head.startswith(b"PUT ") and name in head
        return connection.is_matching_put and connection.request_bytes + len(data) > limit

    def _inspect(self, connection: Connection, data: bytes) -> None:
        connection.is_listener = connection.is_listener or b"LISTEN" in data
        self._remember(connection, data)
        if self.drop_reply and self.drop_reply[0] in connection.recent and self.drop_reply[1] in data:
            self.drop_reply, connection.drops_next_reply = None, True

    def _remember(self, connection: Connection, data: bytes) -> None:
        if self.drop_reply:
            connection.recent = (connection.recent + data)[-CHUNK_BYTES:]

    async def _forward_replies(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        while data := await self._read(reader):
            if connection.drops_next_reply:
                self.dropped_replies += 1
                raise ConnectionResetError
            if connection.is_listener and self.drop_notifications:
                self.dropped_notification_bytes += len(data)
                continue
            self._remember(connection, data)
            connection.client.write(data)
            await connection.client.drain()
        connection.client.write_eof()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        data = await reader.read(CHUNK_BYTES)
        if self.latency:
            await asyncio.sleep(self.latency)
        while self.black_hole:  # noqa: ASYNC110  (set by another thread)
            await asyncio.sleep(0.02)
        return data


class Proxies:
    """The thread and the event loop of all proxies, independent of the event loops of the tests."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        self._servers: list[tuple[asyncio.Server, Proxy]] = []

    def open(self, target: int) -> Proxy:
        """A proxy to this port of 127.0.0.1."""
        return self._run(self._open(Proxy(target)))

    async def _open(self, proxy: Proxy) -> Proxy:
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        self._servers.append((server, proxy))
        return proxy

    def reset(self, proxy: Proxy) -> None:
        """Reset every open connection."""
        self._run(_reset_connections(proxy))

    def close(self) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        for server, proxy in self._servers:
            server.close()
            proxy.heal()
            await _reset_connections(proxy)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


async def _reset_connections(proxy: Proxy) -> None:
    for connection in list(proxy.connections):
        connection.reset()
