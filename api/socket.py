"""The WebSocket `/api/ws`: a snapshot of the user's jobs, then what happens to them.

The first message, within five seconds, is `{"type": "auth", "token": …}` with an access token or
`{"type": "auth", "ticket": …}` with a ticket of `POST /api/ws/ticket`; never anything in the address. The same message
later prolongs the connection, which ends when the token it was opened with expires. Every answer is
`{type, seq, at, job_id, revision, data}`; `seq` counts the messages of this connection.

| close code | why |
|---|---|
| 1012 | the gateway restarts: connect again |
| 1013 | too slow, or the database does not answer: connect again, the snapshot tells what was missed |
| 4400 | a message that is none |
| 4401 | the token is invalid or has expired |
| 4403 | the token is another user's |
| 4408 | no `auth` message within five seconds |
| 4429 | too many connections of this account |
"""

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn
from uuid import UUID

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from api.edge import Caller, Gateway, Me, Parts
from api.events import Feed, SlowReader
from api.problems import TokenRefused, TooManyRequests, documented
from api.stories import snapshot, story
from api.tokens import TICKET_SECONDS, Access
from db import users

AUTH_SECONDS = 5.0
SEND_SECONDS = 5.0  # a reader whose buffer stays full this long is dropped
PING_SECONDS = 20.0
WARNING_SECONDS = 30.0
MAX_MESSAGE_CHARS = 8192

RETRY_LATER, MALFORMED, EXPIRED, OTHER_USER, NO_AUTH, TOO_MANY = 1013, 4400, 4401, 4403, 4408, 4429

router = APIRouter(prefix="/api", tags=["events"])


class Ticket(BaseModel):
    ticket: str
    expires_in: int = TICKET_SECONDS


class Said(BaseModel):
    """What a client may say."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["auth", "pong"]
    token: str | None = None
    ticket: str | None = None


class Closed(Exception):
    """The connection ends with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@router.post("/ws/ticket", status_code=201, responses=documented(401))
async def ticket(parts: Parts, access: Caller, user: Me) -> Ticket:
    """Opens one WebSocket within half a minute, without showing it the access token."""
    return Ticket(ticket=parts.tokens.ticket(access))


@router.websocket("/ws")
async def socket(websocket: WebSocket, parts: Parts) -> None:
    await websocket.accept()
    await Connection(websocket, parts).serve()


class Connection:
    def __init__(self, websocket: WebSocket, parts: Gateway) -> None:
        self._websocket = websocket
        self._parts = parts
        self._sending = asyncio.Lock()
        self._seq = 0
        self._access: Access

    async def serve(self) -> None:
        try:
            self._access = await self._first_message()
            with self._parts.hub.feed(self._access.user_id) as feed:
                await self._greet(feed)
                await self._until_closed(feed)
        except Closed as end:
            await self._close(end.code, end.reason)
        except SlowReader:
            await self._close(RETRY_LATER, "too slow")
        except (SQLAlchemyError, OSError):
            await self._close(RETRY_LATER, "the database does not answer")
        except TooManyRequests as error:
            await self._close(TOO_MANY, str(error))
        except WebSocketDisconnect:
            pass

    async def _until_closed(self, feed: Feed) -> None:
        """Until one of the four ends; its reason is the connection's."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for work in (self._tell(feed), self._listen(), self._ping(), self._expire()):
                    tasks.create_task(work)
        except* (Closed, WebSocketDisconnect, SlowReader, SQLAlchemyError, OSError) as ends:
            end = ends.exceptions[0]
        raise end

    async def _first_message(self) -> Access:
        try:
            said = await asyncio.wait_for(self._hear(), AUTH_SECONDS)
        except TimeoutError:
            raise Closed(NO_AUTH, "no auth message") from None
        access = self._authenticate(said)
        async with self._parts.sessions() as session:
            user = await users.get(session, access.user_id)
        if user is None or user.disabled_at is not None:
            raise Closed(EXPIRED, "no such account")
        return access

    def _authenticate(self, said: Said) -> Access:
        try:
            return self._parts.tokens.redeem(said.ticket) if said.ticket else self._parts.tokens.read(said.token or "")
        except TokenRefused:
            raise Closed(EXPIRED, "the token is invalid or has expired") from None

    async def _hear(self) -> Said:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text = message.get("text") or ""
        try:
            return Said.model_validate_json(text[:MAX_MESSAGE_CHARS])
        except ValidationError:
            raise Closed(MALFORMED, "not a message") from None

    async def _greet(self, feed: Feed) -> None:
        await self._send("hello", self._session())
        data = await snapshot(self._parts, feed)
        await self._send("snapshot", data)

    async def _tell(self, feed: Feed) -> NoReturn:
        while True:
            for change in await feed.next():
                data = await story(self._parts, change)
                await self._send(change.type, data, change.job.id, change.job.revision)

    async def _listen(self) -> NoReturn:
        while True:
            said = await self._hear()
            if said.type == "auth":
                await self._prolong(self._authenticate(said))

    async def _prolong(self, access: Access) -> None:
        if access.user_id != self._access.user_id:
            raise Closed(OTHER_USER, "another user's token")
        self._access = access
        await self._send("hello", self._session())

    async def _ping(self) -> NoReturn:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self._send("ping", {})

    async def _expire(self) -> NoReturn:
        """Asks for a new token in time, and ends the connection when none came."""
        while True:
            expiry = self._access.expires_at
            await asyncio.sleep(max(0.0, expiry - WARNING_SECONDS - time.time()))
            if self._access.expires_at == expiry:
                await self._send("error", {"code": "reauthenticate", "expires_at": _stamp(expiry)})
            await asyncio.sleep(max(0.0, expiry - time.time()))
            if self._access.expires_at == expiry:
                raise Closed(EXPIRED, "the token has expired")

    def _session(self) -> dict[str, Any]:
        return {
            "user_id": str(self._access.user_id),
            "expires_at": _stamp(self._access.expires_at),
            "ping_seconds": PING_SECONDS,
        }

    async def _send(
        self, kind: str, data: dict[str, Any], job_id: UUID | None = None, revision: int | None = None
    ) -> None:
        """Nothing is queued here: what a slow reader has not taken stays in its feed as the newest row of each job."""
        async with self._sending:
            self._seq += 1
            envelope = {
                "type": kind,
                "seq": self._seq,
                "at": _stamp(time.time()),
                "job_id": job_id and str(job_id),
                "revision": revision,
                "data": data,
            }
            message = json.dumps(envelope, ensure_ascii=False)
            try:
                await asyncio.wait_for(self._websocket.send_text(message), SEND_SECONDS)
            except TimeoutError:
                raise SlowReader from None

    async def _close(self, code: int, reason: str) -> None:
        """Without waiting long for one who does not read."""
        try:
            await asyncio.wait_for(self._websocket.close(code, reason), 1)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
