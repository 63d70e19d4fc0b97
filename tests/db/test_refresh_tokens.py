"""Refresh tokens: rotation, reuse, revocation of a family."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from db import refresh_tokens, users
from db.errors import EmailTaken
from db.tables import RefreshToken
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Call


@pytest.fixture
async def opened(call: Call, owner: UUID) -> RefreshToken:
    token: RefreshToken = await call(
        refresh_tokens.create_family, user_id=owner, refresh_hash="t1", lifetime_seconds=60, user_agent="browser"
    )
    return token


async def rotate(call: Call, old: str, new: str) -> Any:
    return await call(refresh_tokens.rotate, refresh_hash=old, new_hash=new, lifetime_seconds=60)


async def change(sessions: Sessions, assignment: str) -> None:
    async with sessions() as session, session.begin():
        await session.execute(text(f"UPDATE sessions SET {assignment} WHERE refresh_hash = 't1'"))


async def test_a_token_rotates(call: Call, opened: RefreshToken) -> None:
    rotated = await rotate(call, "t1", "t2")
    assert (rotated.family_id, rotated.user_id, rotated.user_agent) == (opened.family_id, opened.user_id, "browser")
    assert (rotated.expires_at - rotated.created_at).total_seconds() == 60
    assert (await rotate(call, "t2", "t3")).refresh_hash == "t3"


async def test_unknown_and_expired_tokens_are_refused(call: Call, opened: RefreshToken, sessions: Sessions) -> None:
    assert await rotate(call, "unknown", "t2") is None
    await change(sessions, "expires_at = now()")
    assert await rotate(call, "t1", "t2") is None


async def test_reuse_within_the_grace_period_does_not_revoke_the_family(call: Call, opened: RefreshToken) -> None:
    await rotate(call, "t1", "t2")
    assert await rotate(call, "t1", "t9") is None
    assert await rotate(call, "t2", "t3") is not None


async def test_reuse_after_the_grace_period_revokes_the_family(
    call: Call, opened: RefreshToken, sessions: Sessions
) -> None:
    await rotate(call, "t1", "t2")
    await change(sessions, "rotated_at = now() - interval '11 seconds'")
    assert await rotate(call, "t1", "t9") is None
    assert await rotate(call, "t2", "t3") is None


async def test_a_token_created_during_the_revocation_is_refused(
    call: Call, opened: RefreshToken, sessions: Sessions
) -> None:
    await rotate(call, "t1", "t2")
    await change(sessions, "revoked_at = now()")
    assert await rotate(call, "t2", "t3") is None


async def test_signing_out_revokes_one_family(call: Call, opened: RefreshToken, owner: UUID) -> None:
    await call(refresh_tokens.create_family, user_id=owner, refresh_hash="other", lifetime_seconds=60)
    await rotate(call, "t1", "t2")
    await call(refresh_tokens.revoke_family, "t1")
    await call(refresh_tokens.revoke_family, "unknown")
    assert await rotate(call, "t2", "t3") is None
    assert await rotate(call, "other", "t4") is not None


async def test_tokens_of_a_disabled_account_are_refused(call: Call, opened: RefreshToken, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    assert await rotate(call, "t1", "t2") is None


async def hashes(sessions: Sessions) -> list[str]:
    async with sessions() as session:
        return list(await session.scalars(select(RefreshToken.refresh_hash).order_by(RefreshToken.refresh_hash)))


async def test_expired_tokens_are_deleted_in_batches(
    call: Call, opened: RefreshToken, owner: UUID, sessions: Sessions
) -> None:
    for n in range(5):
        await call(refresh_tokens.create_family, user_id=owner, refresh_hash=f"old {n}", lifetime_seconds=-1)
    assert [await call(refresh_tokens.purge, limit=3) for _ in range(3)] == [3, 2, 0]
    assert await hashes(sessions) == ["t1"]
    await rotate(call, "t1", "t2")
    await change(sessions, "expires_at = now() - interval '1 second'")
    assert await call(refresh_tokens.purge, limit=10) == 1
    assert await hashes(sessions) == ["t2"]


async def test_a_revoked_token_is_kept_until_its_family_has_expired(
    call: Call, opened: RefreshToken, sessions: Sessions
) -> None:
    await rotate(call, "t1", "t2")  # concurrent with a sign-out that did not see t2
    await change(sessions, "revoked_at = now(), expires_at = now() - interval '1 second'")
    assert await call(refresh_tokens.purge, limit=10) == 0
    assert await rotate(call, "t2", "t3") is None
    async with sessions.begin() as session:
        await session.execute(text("UPDATE sessions SET expires_at = now() - interval '1 second'"))
    assert await call(refresh_tokens.purge, limit=10) == 2


async def test_addresses_are_unique_regardless_of_case(call: Call, make_user: MakeUser, sessions: Sessions) -> None:
    user_id = await make_user("Ada@example.com")
    with pytest.raises(EmailTaken):
        await make_user("aDA@EXAMPLE.com")
    assert (await call(users.by_email, "ADA@example.com")).id == user_id
    assert (await call(users.get, user_id)).email == "Ada@example.com"
    assert await call(users.by_email, "bob@example.com") is None
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(users.User)) == 1
