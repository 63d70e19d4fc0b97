"""Login sessions: what ends them, and what ends with them."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db import login_sessions, refresh_tokens, users
from db.tables import LoginSession, RefreshToken
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Call


async def sign_in(call: Call, user_id: UUID, token: str, **values: Any) -> RefreshToken:
    options = {"user_id": user_id, "refresh_hash": token, "lifetime_seconds": 60, **values}
    row: RefreshToken = await call(refresh_tokens.create_family, **options)
    return row


async def rotate(call: Call, old: str, new: str, seconds: float = 60) -> RefreshToken | None:
    row: RefreshToken | None = await call(
        refresh_tokens.rotate, refresh_hash=old, new_hash=new, lifetime_seconds=seconds
    )
    return row


async def change(sessions: Sessions, statement: str) -> None:
    async with sessions.begin() as session:
        await session.execute(text(statement))


async def test_a_session_identifies_its_user(call: Call, owner: UUID, make_user: MakeUser) -> None:
    token = await sign_in(call, owner, "t1")
    assert (await call(login_sessions.user_of, token.family_id, owner)).id == owner
    assert await call(login_sessions.user_of, token.family_id, await make_user()) is None
    assert await call(login_sessions.user_of, uuid4(), owner) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE login_sessions SET revoked_at = now()",
        "UPDATE login_sessions SET expires_at = now()",
        "UPDATE users SET disabled_at = now()",
        "DELETE FROM login_sessions",
        "DELETE FROM users",
        # A gateway of the previous release revokes the tokens only.
        "UPDATE sessions SET revoked_at = now()",
    ],
)
async def test_what_ends_a_session(call: Call, owner: UUID, sessions: Sessions, statement: str) -> None:
    token = await sign_in(call, owner, "t1")
    assert await call(login_sessions.live_ids, {token.family_id}) == {token.family_id}
    await change(sessions, statement)
    assert await call(login_sessions.user_of, token.family_id, owner) is None
    assert await call(login_sessions.live_ids, {token.family_id}) == set()
    assert await call(login_sessions.of_user, owner) == []
    assert await rotate(call, "t1", "t2") is None


async def test_no_refresh_extends_a_session(call: Call, owner: UUID, sessions: Sessions) -> None:
    token = await sign_in(call, owner, "t1", session_seconds=100)
    rotated = await rotate(call, "t1", "t2", seconds=10_000)
    assert rotated is not None
    async with sessions() as session:
        login = await session.get_one(LoginSession, token.family_id)
    assert rotated.expires_at == login.expires_at
    assert (login.expires_at - login.created_at).total_seconds() == 100
    await change(sessions, "UPDATE login_sessions SET expires_at = now()")
    assert await rotate(call, "t2", "t3") is None


async def test_one_session_and_all_sessions_are_revoked(call: Call, owner: UUID, make_user: MakeUser) -> None:
    other = await make_user()
    tokens = [await sign_in(call, owner, f"t{n}") for n in range(4)]
    foreign = await sign_in(call, other, "foreign")
    assert not await call(login_sessions.revoke, foreign.family_id, user_id=owner)
    assert await call(login_sessions.revoke, tokens[0].family_id, user_id=owner)
    assert not await call(login_sessions.revoke, tokens[0].family_id, user_id=owner)
    assert await call(login_sessions.revoke_all, owner, keep=tokens[1].family_id) == 2
    assert [row.id for row in await call(login_sessions.of_user, owner)] == [tokens[1].family_id]
    assert await call(login_sessions.revoke_all, owner) == 1
    assert await call(login_sessions.of_user, owner) == []
    assert len(await call(login_sessions.of_user, other)) == 1


async def test_fifty_refreshes_of_one_token_have_one_successor(call: Call, owner: UUID) -> None:
    await sign_in(call, owner, "t0")
    rotated = await asyncio.gather(*(rotate(call, "t0", f"n{n}") for n in range(50)))
    winners = [row for row in rotated if row is not None]
    assert len(winners) == 1
    assert await rotate(call, winners[0].refresh_hash, "next") is not None


async def test_a_revocation_that_waits_for_a_refresh_ends_its_successor_too(call: Call, owner: UUID) -> None:
    token = await sign_in(call, owner, "t0")
    for n in range(10):
        await asyncio.gather(
            rotate(call, f"t{n}", f"t{n + 1}"),
            call(login_sessions.revoke_all, owner) if n == 9 else asyncio.sleep(0),
        )
    assert await rotate(call, "t10", "t11") is None
    assert await rotate(call, "t9", "t11") is None
    assert await call(login_sessions.live_ids, {token.family_id}) == set()


async def test_ended_sessions_are_deleted_with_their_tokens(call: Call, owner: UUID, sessions: Sessions) -> None:
    for n in range(4):
        await sign_in(call, owner, f"old {n}", session_seconds=-1)
    await sign_in(call, owner, "revoked")
    await call(login_sessions.revoke_all, owner)
    kept = await sign_in(call, owner, "new")
    assert [await call(login_sessions.purge, limit=3) for _ in range(3)] == [3, 1, 0]
    await change(sessions, "UPDATE login_sessions SET revoked_at = revoked_at - interval '25 hours'")
    assert await call(login_sessions.purge, limit=10) == 1
    async with sessions() as session:
        assert list(await session.scalars(text("SELECT refresh_hash FROM sessions"))) == ["new"]
    assert [row.id for row in await call(login_sessions.of_user, owner)] == [kept.family_id]


async def test_a_disabled_and_enabled_account(call: Call, owner: UUID) -> None:
    await call(users.set_disabled, owner, disabled=True)
    first = (await call(users.get, owner)).disabled_at
    await call(users.set_disabled, owner, disabled=True)
    assert (await call(users.get, owner)).disabled_at == first
    await call(users.set_disabled, owner, disabled=False)
    assert (await call(users.get, owner)).disabled_at is None
