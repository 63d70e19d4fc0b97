import asyncio
import secrets
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db import api_keys
from db.errors import TooManyKeys
from db.tables import ApiKey, Scope
from tests.conftest import MakeUser, Sessions


async def create(sessions: Sessions, user_id: UUID, **changed: Any) -> ApiKey:
    values = {"name": "x", "prefix": "aura_sk_abcd", "scopes": [Scope.JOBS_READ], "lifetime_days": None}
    async with sessions.begin() as session:
        return await api_keys.create(
            session, **(values | {"user_id": user_id, "key_hash": secrets.token_hex(32), "keys_per_user": 50} | changed)
        )


async def change(sessions: Sessions, statement: str) -> list[Any]:
    async with sessions.begin() as session:
        return list(await session.scalars(text(statement)))


async def test_the_limit_holds_under_concurrent_requests(sessions: Sessions, make_user: MakeUser) -> None:
    user_id = await make_user()
    tries = (create(sessions, user_id, keys_per_user=3) for _ in range(12))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, ApiKey) for result in results) == 3
    assert all(isinstance(result, ApiKey | TooManyKeys) for result in results)
    await create(sessions, await make_user(), keys_per_user=1)


async def test_expired_and_revoked_keys_do_not_count(sessions: Sessions, make_user: MakeUser) -> None:
    user_id = await make_user()
    await create(sessions, user_id, keys_per_user=1)
    await change(sessions, "UPDATE api_keys SET expires_at = now() RETURNING 1")
    second = await create(sessions, user_id, keys_per_user=1)
    async with sessions.begin() as session:
        assert await api_keys.revoke(session, second.id, user_id=user_id)
        assert await api_keys.revoke(session, second.id, user_id=user_id) is None
    await create(sessions, user_id, keys_per_user=1)


async def test_scopes_are_stored_in_one_order(sessions: Sessions, make_user: MakeUser) -> None:
    key = await create(sessions, await make_user(), scopes=[Scope.VIDEOS_READ, Scope.JOBS_READ])
    assert key.scopes == ["jobs:read", "videos:read"]


@pytest.mark.parametrize("scopes", ["[]", '["everything"]', '{"admin": 1}'])
async def test_other_scopes_are_refused(sessions: Sessions, make_user: MakeUser, scopes: str) -> None:
    await create(sessions, await make_user())
    with pytest.raises(IntegrityError, match="ck_api_keys_scopes"):
        await change(sessions, f"UPDATE api_keys SET scopes = '{scopes}' RETURNING 1".replace(":", r"\:"))


async def test_a_use_is_recorded_once_a_minute_by_all_gateways(sessions: Sessions, make_user: MakeUser) -> None:
    key = await create(sessions, await make_user())

    async def record() -> list[Any]:
        async with sessions.begin() as session:
            await api_keys.record_uses(session, [key.id])
        return await change(sessions, "SELECT last_used_at FROM api_keys")

    first = await record()
    assert first != [None]
    assert await record() == first
    await change(sessions, "UPDATE api_keys SET last_used_at = now() - interval '61 seconds' RETURNING 1")
    assert await record() > first


async def test_a_locked_key_delays_no_other(sessions: Sessions, make_user: MakeUser) -> None:
    first, second = [await create(sessions, await make_user()) for _ in range(2)]
    async with sessions.begin() as locking:
        await locking.execute(text("SELECT 1 FROM api_keys WHERE id = :id FOR UPDATE"), {"id": first.id})
        async with asyncio.timeout(5), sessions.begin() as session:
            await api_keys.record_uses(session, [first.id, second.id])
    assert await change(sessions, "SELECT id FROM api_keys WHERE last_used_at IS NOT NULL") == [second.id]


async def test_ended_keys_are_deleted_after_a_month(sessions: Sessions, make_user: MakeUser) -> None:
    live, revoked, expired, recent = [await create(sessions, await make_user()) for _ in range(4)]
    ends = (("revoked_at", revoked, 31), ("expires_at", expired, 31), ("revoked_at", recent, 29))
    for column, key, days in ends:
        await change(
            sessions,
            f"UPDATE api_keys SET {column} = now() - interval '{days} days' WHERE id = '{key.id}' RETURNING 1",
        )
    async with sessions.begin() as session:
        assert await api_keys.purge(session, limit=10) == 2
    assert set(await change(sessions, "SELECT id FROM api_keys")) == {live.id, recent.id}


async def test_keys_are_deleted_with_their_account(sessions: Sessions, make_user: MakeUser) -> None:
    await create(sessions, await make_user())
    await change(sessions, "DELETE FROM users RETURNING 1")
    assert await change(sessions, "SELECT id FROM api_keys") == []
