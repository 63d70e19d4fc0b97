"""Tokens that are valid once."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from db import mails, one_time_tokens
from db.tables import OneTimeToken, Purpose
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Call

TICKET = Purpose.SOCKET_TICKET


async def create(call: Call, name: str, seconds: float = 60, user_id: UUID | None = None) -> None:
    await call(
        one_time_tokens.create,
        purpose=TICKET,
        token_hash=name,
        lifetime_seconds=seconds,
        user_id=user_id,
        data={"n": 1},
    )


async def redeem(call: Call, name: str, purpose: Purpose = TICKET) -> OneTimeToken | None:
    found: OneTimeToken | None = await call(one_time_tokens.redeem, purpose=purpose, token_hash=name)
    return found


async def test_a_token_is_redeemed_once(call: Call, owner: UUID) -> None:
    await create(call, "t", user_id=owner)
    found = await redeem(call, "t")
    assert found is not None
    assert (found.user_id, found.data) == (owner, {"n": 1})
    assert await redeem(call, "t") is None


async def test_of_many_at_once_one_redeems_it(call: Call) -> None:
    await create(call, "t")
    found = await asyncio.gather(*(redeem(call, "t") for _ in range(20)))
    assert sum(token is not None for token in found) == 1


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not TICKET])
async def test_a_token_is_for_one_purpose(call: Call, purpose: Purpose) -> None:
    await create(call, "t")
    assert await redeem(call, "t", purpose) is None
    assert await redeem(call, "t") is not None


async def test_an_expired_or_revoked_token_is_refused(call: Call, owner: UUID, make_user: MakeUser) -> None:
    await create(call, "old", seconds=-1)
    await create(call, "revoked", user_id=owner)
    await create(call, "other", user_id=await make_user())
    await call(one_time_tokens.revoke_all, owner, TICKET)
    assert [await redeem(call, name) is not None for name in ("old", "revoked", "other")] == [False, False, True]


async def test_a_redeemed_token_is_valid_again_after_a_rollback(call: Call, sessions: Sessions) -> None:
    await create(call, "t")
    async with sessions() as session:
        assert await one_time_tokens.redeem(session, purpose=TICKET, token_hash="t") is not None
    assert await redeem(call, "t") is not None


async def test_expired_tokens_are_deleted_in_batches(call: Call) -> None:
    for n in range(5):
        await create(call, f"old {n}", seconds=-1)
    await create(call, "new")
    assert [await call(one_time_tokens.purge, limit=3) for _ in range(3)] == [3, 2, 0]
    assert await redeem(call, "new") is not None


async def test_mails_are_deleted_some_days_after_they_were_sent(call: Call, sessions: Sessions) -> None:
    for n in range(4):
        await call(mails.add, recipient=f"{n}@example.org", subject="x", body="y", discard=n < 3)
    assert await call(mails.purge, limit=10) == 0
    async with sessions.begin() as session:
        await session.execute(text("UPDATE mails SET ended_at = ended_at - interval '8 days'"))
    assert [await call(mails.purge, limit=2) for _ in range(3)] == [2, 1, 0]
