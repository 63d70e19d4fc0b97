"""uvicorn's h11 protocol with limits on time, size and number of whatever a client sends before it is authenticated.

h11 instead of httptools: httptools has no limit on headers, and uvicorn's protocol for it keeps reading while its queue
of pipelined requests is full.
"""

import asyncio
import logging
import sys
import time
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from api.server.connections import ServerConfig, Watched
from api.server.refusals import BODY_SLOW, HEADER_LARGE, HEADER_SLOW, MALFORMED, Refusal
from api.server.websocket import LimitedWebSocket

# Bytes that are parsed at once. Less than the smallest header limit, so that a large header is refused early.
PIECE_BYTES = 4096
MAX_HEADERS = 100
# A body may consist of this many chunks, plus one per kilobyte: parsing a chunk takes as long as parsing a kilobyte.
MAX_CHUNKS = 256
# Bytes of further requests that are kept while a response is being sent.
MAX_PIPELINED_BYTES = 16_384
# How long the rest of a body is discarded after the response, so that a client that is still sending can read it.
DISCARD_SECONDS = 2.0

# States of the server in h11 in which no response has begun.
UNANSWERED = (h11.IDLE, h11.SEND_RESPONSE)

# Requests that are not valid HTTP are logged by `BurstLog`, not one by one.
connection_logger = logging.getLogger("uvicorn.error.connection")
connection_logger.setLevel(logging.ERROR)


class LimitedParser(h11.Connection):
    def __init__(self, header_bytes: int) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=header_bytes)
        self._header_bytes = header_bytes
        self._chunks = self._body_bytes = 0

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._body_bytes = 0
            size = len(event.target) + sum(len(name) + len(value) + 4 for name, value in event.headers)
            if size > self._header_bytes or len(event.headers) > MAX_HEADERS:
                raise h11.RemoteProtocolError("header too large", error_status_hint=431)
        elif isinstance(event, h11.Data):
            self._chunks += 1
            self._body_bytes += len(event.data)
            if self._chunks > MAX_CHUNKS + self._body_bytes // 1024:
                raise h11.RemoteProtocolError("too many chunks", error_status_hint=400)
        return event


class LimitedHttp(Watched, H11Protocol):
    def __init__(
        self,
        config: ServerConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.table, self.logger = config.connections, connection_logger
        self.conn: LimitedParser = LimitedParser(config.connections.limits.header_bytes)
        self._refusal: Refusal | None = None
        self._upgraded = False
        # The state of the client in h11, and since when. In IDLE, since its first byte.
        self._state: Any = self.conn.their_state
        self._since = time.monotonic()
        self._has_bytes = False
        self._pipelined_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._refusal = self.table.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.table.release(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            self.refuse(self._refusal)
        for start in range(0, len(data), PIECE_BYTES):
            if self.transport.is_closing() or self._upgraded or not self._may_parse(data[start : start + PIECE_BYTES]):
                return
            super().data_received(data[start : start + PIECE_BYTES])

    def _may_parse(self, piece: bytes) -> bool:
        """Whether to parse more. If not, the connection is closed after the current response."""
        state = self.conn.their_state
        if state is h11.IDLE and not self._has_bytes:
            self._has_bytes, self._since = True, time.monotonic()
        if state is h11.DONE:
            self._pipelined_bytes += len(piece)
        if state not in (h11.MUST_CLOSE, h11.CLOSED, h11.ERROR) and self._pipelined_bytes <= MAX_PIPELINED_BYTES:
            return True
        if self.cycle is not None:
            self.cycle.keep_alive = False
        self.flow.pause_reading()
        return False

    def handle_events(self) -> None:
        super().handle_events()
        if self.conn.their_state is not self._state:
            self._state, self._since = self.conn.their_state, time.monotonic()
            self._has_bytes, self._pipelined_bytes = False, 0

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._upgraded = True
        super().handle_websocket_upgrade(event)
        websocket = self.transport.get_protocol()
        # The parser of the WebSocket library has its own limits, and does not report an invalid request.
        if isinstance(websocket, LimitedWebSocket) and not websocket.handshake_initiated:
            websocket.refuse(MALFORMED)

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn while it handles the parser's exception."""
        error = sys.exception()
        large = isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431
        self.refuse(HEADER_LARGE if large else MALFORMED)

    def is_evictable(self) -> bool:
        return self._state is h11.IDLE

    def overdue(self, now: float) -> Refusal | None:
        waited, limits = now - self._since, self.table.limits
        # After a response and before the next request, uvicorn's keep-alive timer applies.
        is_first_or_begun = self.cycle is None or self._has_bytes
        if self._state is h11.IDLE and is_first_or_begun and waited > limits.header_seconds:
            return HEADER_SLOW
        is_answered = self.conn.our_state not in UNANSWERED
        if self._state is h11.SEND_BODY and waited > (DISCARD_SECONDS if is_answered else limits.body_seconds):
            return BODY_SLOW
        return None

    def refuse(self, refusal: Refusal) -> None:
        self.table.log.add("connection refused", refusal.code, self.network)
        has_request = self._has_bytes or self._state is not h11.IDLE
        if self._refusal is not None or (has_request and self.conn.our_state in UNANSWERED):
            self.transport.write(refusal.response())
        self.transport.close()
