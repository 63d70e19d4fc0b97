"""Keys made through the API."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from api.dependencies import Gateway
from tests.api.conftest import ApiUser

MakeKey = Callable[..., Awaitable[ApiUser]]


async def rows(gateway: Gateway, statement: str, **values: object) -> list[Any]:
    async with gateway.sessions() as session:
        return list((await session.execute(text(statement), values)).mappings())


async def change(gateway: Gateway, statement: str) -> None:
    async with gateway.sessions.begin() as session:
        await session.execute(text(statement))


async def key_of(user: ApiUser, *scopes: str, **body: object) -> ApiUser:
    """The same user, whose requests carry a new API key. `session_id` is the id of the key."""
    created = await user.post("/api/keys", json={"name": "a program", "scopes": scopes, **body})
    assert created.status_code == 201, created.text
    return replace(user, token=created.json()["key"], session_id=created.json()["id"])


@pytest.fixture
def make_key(alice: ApiUser) -> MakeKey:
    """A function that makes a key of alice with these scopes."""

    async def make(*scopes: str, **body: object) -> ApiUser:
        return await key_of(alice, *scopes, **body)

    return make
