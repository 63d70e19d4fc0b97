"""uvicorn's WebSocket protocol with a budget of frames and bytes per connection.

uvicorn parses whatever arrives, and answers pings, without regard to the application. A client that sends pings or
empty fragments at full speed would occupy the event loop.
"""

import asyncio
import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.protocol import State
from websockets.server import ServerProtocol

from api.server.budget import Budget
from api.server.connections import ServerConfig, Watched
from api.server.refusals import MALFORMED, SOCKET_CLOSING, SOCKET_FLOOD, SOCKET_SILENT, Refusal

# Bytes that are parsed before the budget is checked: at most 170 frames.
PIECE_BYTES = 1024
# How long the application has to close a connection gracefully before the server closes it.
GRACE_SECONDS = 2.0
logger = logging.getLogger("uvicorn.error.websocket")
# Above ERROR: what uvicorn logs as an error here is invalid UTF-8 from a client, with a traceback.
logger.setLevel(logging.CRITICAL)


class CountingParser(ServerProtocol):
    """Counts the frames since the last time that `take_frames` was called."""

    _frames = 0

    def events_received(self) -> list[Any]:
        events = super().events_received()
        self._frames += len(events)
        return events

    def take_frames(self) -> int:
        frames, self._frames = self._frames, 0
        return frames


class LimitedWebSocket(Watched, WebSocketsSansIOProtocol):
    conn: CountingParser

    def __init__(
        self,
        config: ServerConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.table, self.logger = config.connections, logger
        # Without compression: it takes tens of kilobytes per connection, and small frames can expand to large messages.
        self.conn = CountingParser(max_size=config.ws_max_size, logger=logger)
        self._frames = Budget(config.connections.limits.socket_frames_per_minute)
        self._bytes = Budget(config.connections.limits.socket_bytes_per_minute)
        self._has_message = False
        self._closing_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.table.replace(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.table.release(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            if self.transport.is_closing():
                return
            if self.handshake_initiated and not self.handshake_complete:
                # The parser fails on frames that were sent before the response to the handshake.
                self.abort("early_frames")
                return
            piece = data[start : start + PIECE_BYTES]
            super().data_received(piece)
            is_within = self._frames.spend(self.conn.take_frames()) and self._bytes.spend(len(piece))
            if not is_within and not self.transport.is_closing():
                self.refuse(SOCKET_FLOOD)

    def send_receive_event_to_app(self) -> None:
        if not self._has_message:
            # The handshake is complete. uvicorn keeps its messages, and does not read them any more.
            self._has_message = True
            del self.request, self.response
        super().send_receive_event_to_app()

    def overdue(self, now: float) -> Refusal | None:
        limits, open_seconds = self.table.limits, now - self.opened_at
        if self.close_sent:
            self._closing_since = self._closing_since or now
            return SOCKET_CLOSING if now - self._closing_since > GRACE_SECONDS else None
        if not self._has_message and open_seconds > limits.socket_auth_seconds + GRACE_SECONDS:
            return SOCKET_SILENT
        return None

    def refuse(self, refusal: Refusal) -> None:
        self.table.log.add("connection refused", refusal.code, self.network)
        if not self.handshake_initiated:
            self.transport.write(MALFORMED.response())
        elif self.handshake_complete and self.conn.state is State.OPEN:
            self.conn.send_close(refusal.status, refusal.detail)
            self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        # Ends the application's wait: the connection itself is closed only after its write buffer was sent.
        self.queue.put_nowait({"type": "websocket.disconnect", "code": refusal.status})
        self.transport.close()
        self.loop.call_later(GRACE_SECONDS, self.transport.abort)
