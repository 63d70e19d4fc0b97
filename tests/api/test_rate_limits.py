"""Rate limits of the gateway; tests/db/test_rate_limits.py has the buckets."""

import contextlib

import pytest

from api import rate_limits
from api.dependencies import Gateway
from api.problems import TooManyRequests
from api.rate_limits import RateLimits
from db.rate_limits import Bucket

ONE, TWO = Bucket("one", "x", 1), Bucket("two", "x", 2)


@pytest.fixture
def limits(gateway: Gateway) -> RateLimits:
    return RateLimits(gateway.sessions)


async def test_an_empty_bucket_is_refused_with_retry_after(limits: RateLimits) -> None:
    await limits.take(ONE)
    with pytest.raises(TooManyRequests, match="rate limit: one") as refused:
        await limits.take(ONE)
    assert int(refused.value.headers["Retry-After"]) == pytest.approx(60, abs=2)


async def test_only_the_given_failure_costs_a_token(limits: RateLimits) -> None:
    with contextlib.suppress(OSError):
        async with limits.limit_failures(KeyError, ONE):
            raise OSError
    async with limits.limit_failures(KeyError, ONE):
        with pytest.raises(TooManyRequests):
            await limits.take(ONE)
    with contextlib.suppress(KeyError):
        async with limits.limit_failures(KeyError, ONE):
            raise KeyError
    with pytest.raises(TooManyRequests):
        await limits.take(ONE)


async def test_a_refusal_is_remembered_for_a_moment(limits: RateLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of refused requests costs no queries, and costs the other buckets no tokens."""
    await limits.take(ONE)
    assert await limits.try_take(ONE, TWO) is not None
    with monkeypatch.context() as patched:
        patched.setattr("db.rate_limits.take", None)
        refusal = await limits.try_take(TWO, ONE)
    assert refusal is not None
    assert refusal.buckets == (ONE,)
    await limits.put_back(ONE)
    assert await limits.try_take(ONE, TWO) is None


async def test_the_remembered_refusals_are_bounded(limits: RateLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MAX_REFUSED", 3)
    for n in range(10):
        bucket = Bucket("one", str(n), 1)
        await limits.take(bucket)
        assert await limits.try_take(bucket) is not None
        assert len(limits._refused_until) <= 4


async def test_gateways_share_the_buckets(limits: RateLimits, gateway: Gateway) -> None:
    await limits.take(ONE)
    assert await RateLimits(gateway.sessions).try_take(ONE) is not None
