"""Refresh tokens: rotation, reuse, the end of a family."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from db import sign_ins, users
from db.errors import EmailTaken
from db.models import Session
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Call


@pytest.fixture
async def opened(call: Call, owner: UUID) -> Session:
    session: Session = await call(
        sign_ins.open_, user_id=owner, refresh_hash="t1", lifetime_seconds=60, user_agent="browser"
    )
    return session


async def rotate(call: Call, old: str, new: str) -> Any:
    return await call(sign_ins.rotate, refresh_hash=old, new_hash=new, lifetime_seconds=60)


async def change(sessions: Sessions, assignment: str) -> None:
    async with sessions() as session, session.begin():
        await session.execute(text(f"UPDATE sessions SET {assignment} WHERE refresh_hash = 't1'"))


async def test_a_token_rotates(call: Call, opened: Session) -> None:
    rotated = await rotate(call, "t1", "t2")
    assert (rotated.family_id, rotated.user_id, rotated.user_agent) == (opened.family_id, opened.user_id, "browser")
    assert (rotated.expires_at - rotated.created_at).total_seconds() == 60
    assert (await rotate(call, "t2", "t3")).refresh_hash == "t3"


async def test_unknown_and_expired_tokens_are_refused(call: Call, opened: Session, sessions: Sessions) -> None:
    assert await rotate(call, "unknown", "t2") is None
    await change(sessions, "expires_at = now()")
    assert await rotate(call, "t1", "t2") is None


async def test_a_second_tab_is_refused_without_harm(call: Call, opened: Session) -> None:
    await rotate(call, "t1", "t2")
    assert await rotate(call, "t1", "t9") is None
    assert await rotate(call, "t2", "t3") is not None


async def test_a_token_that_comes_back_later_ends_its_family(call: Call, opened: Session, sessions: Sessions) -> None:
    await rotate(call, "t1", "t2")
    await change(sessions, "rotated_at = now() - interval '11 seconds'")
    assert await rotate(call, "t1", "t9") is None
    assert await rotate(call, "t2", "t3") is None


async def test_a_token_made_while_its_family_ended_is_dead(call: Call, opened: Session, sessions: Sessions) -> None:
    await rotate(call, "t1", "t2")
    await change(sessions, "revoked_at = now()")
    assert await rotate(call, "t2", "t3") is None


async def test_signing_out_ends_the_family_and_no_other(call: Call, opened: Session, owner: UUID) -> None:
    await call(sign_ins.open_, user_id=owner, refresh_hash="other", lifetime_seconds=60)
    await rotate(call, "t1", "t2")
    await call(sign_ins.close, "t1")
    await call(sign_ins.close, "unknown")
    assert await rotate(call, "t2", "t3") is None
    assert await rotate(call, "other", "t4") is not None


async def test_nobody_stays_signed_in_to_a_disabled_account(call: Call, opened: Session, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    assert await rotate(call, "t1", "t2") is None


async def hashes(sessions: Sessions) -> list[str]:
    async with sessions() as session:
        return list(await session.scalars(select(Session.refresh_hash).order_by(Session.refresh_hash)))


async def test_expired_tokens_are_forgotten_in_batches(
    call: Call, opened: Session, owner: UUID, sessions: Sessions
) -> None:
    for n in range(5):
        await call(sign_ins.open_, user_id=owner, refresh_hash=f"old {n}", lifetime_seconds=-1)
    assert [await call(sign_ins.purge, limit=3) for _ in range(3)] == [3, 2, 0]
    assert await hashes(sessions) == ["t1"]
    await rotate(call, "t1", "t2")
    await change(sessions, "expires_at = now() - interval '1 second'")
    assert await call(sign_ins.purge) == 1
    assert await hashes(sessions) == ["t2"]


async def test_what_revokes_a_family_is_kept_as_long_as_the_family(
    call: Call, opened: Session, sessions: Sessions
) -> None:
    await rotate(call, "t1", "t2")  # while somebody signed out, whose statement did not see t2
    await change(sessions, "revoked_at = now(), expires_at = now() - interval '1 second'")
    assert await call(sign_ins.purge) == 0
    assert await rotate(call, "t2", "t3") is None
    async with sessions.begin() as session:
        await session.execute(text("UPDATE sessions SET expires_at = now() - interval '1 second'"))
    assert await call(sign_ins.purge) == 2


async def test_an_account_per_address_whatever_its_case(call: Call, make_user: MakeUser, sessions: Sessions) -> None:
    user_id = await make_user("Ada@example.com")
    with pytest.raises(EmailTaken):
        await make_user("aDA@EXAMPLE.com")
    assert (await call(users.by_email, "ADA@example.com")).id == user_id
    assert (await call(users.get, user_id)).email == "Ada@example.com"
    assert await call(users.by_email, "bob@example.com") is None
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(users.User)) == 1
