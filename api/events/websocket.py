"""The WebSocket `/api/ws`: a snapshot of the user's jobs, then their events.

The first message of the client authenticates it, with an access token or with a ticket from `POST /api/ws/ticket`;
credentials are never part of the URL, which proxies log. The connection expires with the token unless the client sends
another one. docs/API.md describes the messages and the close codes.
"""

import asyncio
import json
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Literal, NoReturn
from uuid import UUID

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.routing import WebSocketRoute

from api.auth import tickets
from api.auth.dependencies import Auth, JobsReaderIdentity, live_user
from api.auth.revocation import Watch
from api.auth.tickets import TICKET_SECONDS
from api.auth.tokens import Access
from api.dependencies import Gateway, Transaction
from api.events.feed import Feed, SlowReader
from api.events.hub import Hub
from api.events.payloads import payload, snapshot
from api.problems import TooManyRequests, Unauthenticated, documented
from db.errors import DATABASE_ERRORS, is_transient

# A reader whose send buffer stays full for this long is disconnected.
SEND_SECONDS = 5.0
CLOSE_SECONDS = 1.0
PING_SECONDS = 20.0
# How long before expiry a new token is requested; for a token that expires sooner, when half of its time has passed.
REAUTHENTICATE_SECONDS = 30.0
MAX_MESSAGE_CHARS = 8192

router = APIRouter(prefix="/api", tags=["events"])


class CloseCode(IntEnum):
    RETRY_LATER = 1013
    MALFORMED_MESSAGE = 4400
    UNAUTHENTICATED = 4401
    OTHER_USER = 4403
    AUTH_TIMEOUT = 4408
    TOO_MANY_CONNECTIONS = 4429


class Ticket(BaseModel):
    ticket: str
    expires_in: int = TICKET_SECONDS


class ClientMessage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["auth", "pong"]
    token: str | None = None
    ticket: str | None = None


class ConnectionClosed(Exception):
    """The gateway closes the connection with this code."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@router.post("/ws/ticket", status_code=201, responses=documented(401))
async def create_ticket(session: Transaction, caller: JobsReaderIdentity) -> Ticket:
    """A ticket that opens one WebSocket within 30 seconds, so that neither token nor API key is sent over it."""
    return Ticket(ticket=await tickets.issue(session, caller.access))


async def connect(websocket: WebSocket) -> None:
    state = websocket.app.state
    await Connection(websocket, state.gateway, state.auth, state.hub).serve()


# A route of Starlette: the exit stacks with which FastAPI holds dependencies take kilobytes per connection.
router.routes.append(WebSocketRoute("/api/ws", connect))


class Connection:
    def __init__(self, websocket: WebSocket, gateway: Gateway, auth: Auth, hub: Hub) -> None:
        self._websocket = websocket
        self._gateway, self._auth, self._hub = gateway, auth, hub
        self._send_lock = asyncio.Lock()
        self._seq = 0
        self._access: Access
        self._watch: Watch

    async def serve(self) -> None:
        try:
            await self._accept()
            await self._serve_until_closed()
        except ConnectionClosed as closed:
            await self._close(closed.code, closed.reason)
        except SlowReader:
            await self._close(CloseCode.RETRY_LATER, "the reader is too slow")
        except TooManyRequests as error:
            await self._close(CloseCode.TOO_MANY_CONNECTIONS, str(error))
        except WebSocketDisconnect:
            pass
        except DATABASE_ERRORS as error:
            if not is_transient(error):
                raise
            await self._close(CloseCode.RETRY_LATER, "the database is unreachable")

    async def _accept(self) -> None:
        try:
            await self._websocket.accept()
        except OSError as error:  # the client has left; only later sends are converted by Starlette
            raise WebSocketDisconnect(1006) from error

    async def _serve_until_closed(self) -> NoReturn:
        """Run the loops of this connection until the first of them raises."""
        self._access = await self._authenticate_first_message()
        self._websocket.state.user_id = str(self._access.user_id)
        # Not read again; those of a browser take kilobytes per connection.
        self._websocket.scope["headers"].clear()
        watching = self._auth.revocations.watch(self._access.session_id)
        with watching as self._watch, self._hub.subscribe(self._access.user_id) as feed:
            await self._send_hello()
            await self._send("snapshot", await snapshot(self._gateway, feed))
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._send_events(feed))
                    tasks.create_task(self._tend())
                    await self._receive_all()
            except* (ConnectionClosed, WebSocketDisconnect, SlowReader, *DATABASE_ERRORS) as group:
                error = group.exceptions[0]
            raise error

    async def _authenticate_first_message(self) -> Access:
        try:
            message = await asyncio.wait_for(self._receive(), self._gateway.settings.socket_auth_seconds)
        except TimeoutError:
            raise ConnectionClosed(CloseCode.AUTH_TIMEOUT, "no auth message received") from None
        return await self._authenticate(message)

    async def _authenticate(self, message: ClientMessage) -> Access:
        sessions = self._gateway.sessions
        try:
            if message.ticket:
                access = await tickets.redeem(sessions, message.ticket)
            else:
                access = self._auth.tokens.verify(message.token or "")
            async with sessions() as session:
                await live_user(session, access)
        except Unauthenticated:
            reason = "the token is invalid or has expired, or the session has ended"
            raise ConnectionClosed(CloseCode.UNAUTHENTICATED, reason) from None
        return access

    async def _receive(self) -> ClientMessage:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text = message.get("text") or ""
        try:
            return ClientMessage.model_validate_json(text[:MAX_MESSAGE_CHARS])
        except ValidationError:
            raise ConnectionClosed(CloseCode.MALFORMED_MESSAGE, "the message is malformed") from None

    async def _receive_all(self) -> NoReturn:
        while True:
            message = await self._receive()
            if message.type == "auth":
                await self._reauthenticate(await self._authenticate(message))

    async def _reauthenticate(self, access: Access) -> None:
        if access.user_id != self._access.user_id:
            raise ConnectionClosed(CloseCode.OTHER_USER, "the token belongs to another user")
        self._access = access
        self._watch.session_id = access.session_id
        await self._send_hello()

    async def _send_events(self, feed: Feed) -> NoReturn:
        while True:
            for event in await feed.next():
                data = await payload(self._gateway, event)
                await self._send(event.type, data, event.job_id, event.revision)

    async def _tend(self) -> NoReturn:
        """Send pings, request a new token before the current one expires, and end with the token or its session.

        One task for all of it: a task takes kilobytes per connection.
        """
        ping_at = time.time() + PING_SECONDS
        expires_at = request_at = 0.0
        while True:
            now = time.time()
            if self._access.expires_at != expires_at:
                expires_at = self._access.expires_at
                request_at = max(expires_at - REAUTHENTICATE_SECONDS, (now + expires_at) / 2)
            if now >= expires_at:
                raise ConnectionClosed(CloseCode.UNAUTHENTICATED, "the token has expired")
            if now >= request_at:
                request_at = expires_at
                await self._send("error", {"code": "reauthenticate", "expires_at": _isoformat(expires_at)})
            if now >= ping_at:
                ping_at = now + PING_SECONDS
                await self._send("ping", {})
            await asyncio.wait((self._watch.revoked,), timeout=min(ping_at, request_at, expires_at) - time.time())
            if self._watch.revoked.done():
                raise ConnectionClosed(CloseCode.UNAUTHENTICATED, "the session has ended")

    async def _send_hello(self) -> None:
        data = {
            "user_id": str(self._access.user_id),
            "expires_at": _isoformat(self._access.expires_at),
            "ping_seconds": PING_SECONDS,
        }
        await self._send("hello", data)

    def _send(
        self, kind: str, data: dict[str, Any], job_id: UUID | None = None, revision: int | None = None
    ) -> Coroutine[Any, Any, None]:
        """Send one message, or raise SlowReader. There is no queue: unsent changes stay in the feed and coalesce.

        No coroutine itself, so that `data` is not kept while a client does not read.
        """
        self._seq += 1
        envelope = {
            "type": kind,
            "seq": self._seq,
            "at": _isoformat(time.time()),
            "job_id": job_id and str(job_id),
            "revision": revision,
            "data": data,
        }
        return self._send_text(json.dumps(envelope, ensure_ascii=False))

    async def _send_text(self, message: str) -> None:
        """The lock is fair, so that messages are sent in the order of their `seq`."""
        async with self._send_lock:
            try:
                await asyncio.wait_for(self._websocket.send_text(message), SEND_SECONDS)
            except TimeoutError:
                raise SlowReader from None

    async def _close(self, code: CloseCode, reason: str) -> None:
        """Close with a time limit: a client that does not read never completes the closing handshake."""
        try:
            await asyncio.wait_for(self._websocket.close(code, reason), CLOSE_SECONDS)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return


def _isoformat(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
