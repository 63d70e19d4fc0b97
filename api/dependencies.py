"""Dependencies of all routes: the objects of the process and the transaction of the request."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from starlette.requests import HTTPConnection

from api.settings import Settings
from db.direct import Direct
from db.storage.base import Storage


@dataclass(frozen=True)
class Gateway:
    """Objects that all routes share, for the lifetime of the process."""

    settings: Settings
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    direct: Direct
    storage: Storage

    async def close(self) -> None:
        await self.direct.close()
        await self.engine.dispose()


async def get_gateway(connection: HTTPConnection) -> Gateway:
    gateway: Gateway = connection.app.state.gateway
    return gateway


GatewayDep = Annotated[Gateway, Depends(get_gateway)]


async def transaction(gateway: GatewayDep) -> AsyncIterator[AsyncSession]:
    """One transaction per request, committed before the response is sent and rolled back if the endpoint raised.

    The connection is taken from the pool by the first statement and returned before the response is streamed.
    """
    async with gateway.sessions.begin() as session:
        yield session


Transaction = Annotated[AsyncSession, Depends(transaction, scope="function")]


def client_host(request: Request) -> str:
    """The client's address: behind a proxy in FORWARDED_ALLOW_IPS, the address that the proxy reports."""
    return request.client.host if request.client else "unknown"


ClientAddress = Annotated[str, Depends(client_host)]
