"""A reader of the WebSocket, and all that it is told."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.api.conftest import Served

Starter = Callable[..., AbstractContextManager[Served]]


class Reader:
    """One connection, and all it was told."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.told: list[dict[str, Any]] = []

    async def next(self, seconds: float = 5) -> dict[str, Any]:
        self.told.append(json.loads(await asyncio.wait_for(self.connection.recv(), seconds)))
        return self.told[-1]

    async def until(self, kind: str, seconds: float = 5, **data: Any) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            while True:
                message = await self.next(seconds)
                if message["type"] == kind and message["data"] | data == message["data"]:
                    return message

    async def silent(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            while (await self.next(seconds))["type"] == "ping":
                pass
            return False
        return True

    async def end(self, seconds: float = 5) -> int:
        """The code the gateway closes with."""
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.next(seconds)
        return self.connection.close_code or 0

    async def say(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))


@contextlib.asynccontextmanager
async def reading(served: Served, token: str | None = None) -> AsyncIterator[Reader]:
    async with connect(served.ws, close_timeout=1) as connection:
        reader = Reader(connection)
        if token is not None:
            await reader.say(type="auth", token=token)
            assert (await reader.next())["type"] == "hello"
        yield reader


async def snapshot(reader: Reader) -> dict[str, dict[str, Any]]:
    message = await reader.next()
    assert message["type"] == "snapshot"
    return {job["job_id"]: job for job in message["data"]["jobs"]}
