"""Token buckets in the database."""

import asyncio

import pytest
from sqlalchemy import func, select, text

from db import rate_limits
from db.rate_limits import Bucket, Refusal
from db.tables import RateLimit
from tests.conftest import Sessions
from tests.db.conftest import Call

A, B = Bucket("a", "somebody", 3), Bucket("b", "somebody", 1)


async def take(call: Call, *buckets: Bucket) -> Refusal | None:
    refusal: Refusal | None = await call(rate_limits.take, *buckets)
    return refusal


async def wait(sessions: Sessions, seconds: float) -> None:
    """Let time pass, by moving the moments."""
    async with sessions.begin() as session:
        await session.execute(text(f"UPDATE rate_limits SET full_at = full_at - make_interval(secs => {seconds})"))


async def test_an_empty_bucket_is_refilled(call: Call, sessions: Sessions) -> None:
    assert [await take(call, A) for _ in range(3)] == [None] * 3
    refusal = await take(call, A)
    assert refusal is not None
    assert refusal.buckets == (A,)
    assert refusal.retry_after == pytest.approx(20, abs=2)
    await wait(sessions, refusal.retry_after)
    assert await take(call, A) is None
    assert await take(call, A) is not None


async def test_a_bucket_never_holds_more_than_its_capacity(call: Call, sessions: Sessions) -> None:
    await take(call, A)
    await wait(sessions, 86_400)
    assert [await take(call, A) is None for _ in range(4)] == [True] * 3 + [False]


async def test_either_all_buckets_give_a_token_or_none(call: Call) -> None:
    assert await take(call, A, B) is None
    for _ in range(5):
        refusal = await take(call, A, B)
        assert refusal is not None
        assert refusal.buckets == (B,)
    assert [await take(call, A) is None for _ in range(3)] == [True, True, False]


async def test_a_token_that_was_put_back_can_be_taken_again(call: Call) -> None:
    for _ in range(10):
        assert await take(call, A, B) is None
        await call(rate_limits.put_back, A, B)
    assert await take(call, B) is None


async def test_subjects_have_buckets_of_their_own_and_are_not_stored(call: Call, sessions: Sessions) -> None:
    subjects = ["a@example.org", "b@example.org", "x" * 100_000, "\ud800"]
    for subject in subjects:
        assert await take(call, Bucket("one", subject, 1)) is None
        assert await take(call, Bucket("one", subject, 1)) is not None
    async with sessions() as session:
        keys = list(await session.scalars(select(RateLimit.key)))
    assert len(set(keys)) == len(subjects)
    assert all(len(key) < 64 and "example" not in key for key in keys)


async def test_concurrent_takes_do_not_exceed_the_capacity(call: Call) -> None:
    """Of two buckets in either order: the rows are locked in the order of their keys."""
    many, few = Bucket("a", "x", 100, 86_400), Bucket("b", "x", 12, 86_400)
    taken = await asyncio.gather(*(take(call, *((many, few) if n % 2 else (few, many))) for n in range(40)))
    assert sum(refusal is None for refusal in taken) == 12
    assert [await take(call, many) is None for _ in range(89)] == [True] * 88 + [False]


async def test_rows_of_full_buckets_are_deleted_in_batches(call: Call, sessions: Sessions) -> None:
    for n in range(5):
        await take(call, Bucket("one", str(n), 1))
    await wait(sessions, 61)
    await take(call, B)
    assert [await call(rate_limits.purge, limit=3) for _ in range(3)] == [3, 2, 0]
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(RateLimit)) == 1
    assert await take(call, B) is not None
