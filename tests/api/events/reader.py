"""A client of the WebSocket that records every message it receives."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.events.messages import MESSAGES
from tests.api.conftest import Server


class Reader:
    """One connection, and the messages received on it."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.received: list[dict[str, Any]] = []

    async def next(self, seconds: float = 5) -> dict[str, Any]:
        text = await asyncio.wait_for(self.connection.recv(), seconds)
        MESSAGES.validate_json(text)  # what clients generate their types from
        self.received.append(json.loads(text))
        return self.received[-1]

    async def until(self, kind: str, seconds: float = 5, **data: Any) -> dict[str, Any]:
        """The next message of this type whose `data` contains these values."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.next(seconds)
                if message["type"] == kind and message["data"] | data == message["data"]:
                    return message

    async def receives_nothing(self, seconds: float) -> bool:
        """Whether no message but pings arrives for this long."""
        with contextlib.suppress(TimeoutError):
            while (await self.next(seconds))["type"] == "ping":
                pass
            return False
        return True

    async def close_code(self, seconds: float = 5) -> int:
        """The code with which the gateway closes the connection."""
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.next(seconds)
        return self.connection.close_code or 0

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))


@contextlib.asynccontextmanager
async def open_reader(server: Server, token: str | None = None) -> AsyncIterator[Reader]:
    """A connection, authenticated if a token is given."""
    async with connect(server.ws, close_timeout=1) as connection:
        reader = Reader(connection)
        if token is not None:
            await reader.send(type="auth", token=token)
            assert (await reader.next())["type"] == "hello"
        yield reader


async def snapshot(reader: Reader) -> dict[str, dict[str, Any]]:
    """The jobs of the snapshot, which is the next message."""
    message = await reader.next()
    assert message["type"] == "snapshot"
    return {job["job_id"]: job for job in message["data"]["jobs"]}


async def eventually(condition: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether a condition that another thread makes true holds in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return condition()
