"""What an endpoint is handed: the process's parts, the request's one transaction, and who is asking."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from starlette.requests import HTTPConnection

from api.events import Hub
from api.limits import Buckets
from api.passwords import Passwords
from api.problems import Unauthenticated
from api.settings import Settings
from api.tokens import Access, Tokens
from db import users
from db.models import User
from db.storage import Storage


@dataclass(frozen=True)
class Gateway:
    """Everything that lives as long as the process."""

    settings: Settings
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    storage: Storage
    passwords: Passwords
    tokens: Tokens
    logins: Buckets
    logins_at_large: Buckets
    registrations: Buckets
    hub: Hub


def gateway(connection: HTTPConnection) -> Gateway:
    parts: Gateway = connection.app.state.gateway
    return parts


Parts = Annotated[Gateway, Depends(gateway)]


async def transaction(parts: Parts) -> AsyncIterator[AsyncSession]:
    """Committed after the endpoint returned and before the response is sent; rolled back when it raised.

    It takes a connection with its first statement and gives it back before anything is streamed.
    """
    async with parts.sessions.begin() as session:
        yield session


Transaction = Annotated[AsyncSession, Depends(transaction, scope="function")]

bearer = HTTPBearer(auto_error=False, description="the access_token of POST /api/auth/login")


def access(parts: Parts, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Access:
    if credentials is None:
        raise Unauthenticated
    return parts.tokens.read(credentials.credentials)


async def current_user(session: Transaction, access: Annotated[Access, Depends(access)]) -> User:
    user = await users.get(session, access.user_id)
    if user is None or user.disabled_at is not None:
        raise Unauthenticated
    return user


Caller = Annotated[Access, Depends(access)]
Me = Annotated[User, Depends(current_user)]


def client_host(request: Request) -> str:
    """Behind a proxy it is uvicorn's `--forwarded-allow-ips` that makes this the caller's own address."""
    return request.client.host if request.client else "unknown"
