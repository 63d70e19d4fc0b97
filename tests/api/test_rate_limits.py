import contextlib

import pytest

from api import rate_limits
from api.problems import TooManyRequests
from api.rate_limits import TokenBuckets, network_of


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def take(buckets: TokenBuckets, key: str, times: int) -> None:
    for _ in range(times):
        buckets.take(key)


def test_an_empty_bucket_is_refilled(clock: Clock) -> None:
    buckets = TokenBuckets(6, clock)
    take(buckets, "a", 6)
    with pytest.raises(TooManyRequests) as refused:
        buckets.take("a")
    assert int(refused.value.headers["Retry-After"]) == pytest.approx(10, abs=1)
    clock.now = 10.0
    buckets.take("a")
    with pytest.raises(TooManyRequests):
        buckets.take("a")


def test_each_key_has_its_own_bucket(clock: Clock) -> None:
    buckets = TokenBuckets(1, clock)
    buckets.take("a")
    buckets.take("b")


def test_a_token_that_was_put_back_can_be_taken_again(clock: Clock) -> None:
    buckets = TokenBuckets(2, clock)
    for _ in range(10):
        buckets.take("a")
        buckets.put_back("a")
    take(buckets, "a", 2)
    with pytest.raises(TooManyRequests):
        buckets.take("a")


def test_only_the_given_failure_costs_a_token(clock: Clock) -> None:
    buckets = TokenBuckets(1, clock)
    with contextlib.suppress(OSError), buckets.limit_failures("a", KeyError):
        raise OSError
    with buckets.limit_failures("a", KeyError), pytest.raises(TooManyRequests):
        buckets.take("a")
    with contextlib.suppress(KeyError), buckets.limit_failures("a", KeyError):
        raise KeyError
    with pytest.raises(TooManyRequests):
        buckets.take("a")


def test_the_least_recently_used_bucket_is_evicted(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MAX_BUCKETS", 3)
    buckets = TokenBuckets(1, clock)
    for key in "abcd":
        buckets.take(key)
    assert list(buckets._buckets) == ["b", "c", "d"]


def test_an_ipv6_network_has_one_key() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff") != network_of("2001:db8:0:1::1")
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("unknown") == "unknown"


def test_an_ipv4_address_mapped_into_ipv6_has_the_same_key() -> None:
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1" != network_of("::ffff:192.0.2.2")


def test_a_link_local_address_has_a_key() -> None:
    assert network_of("fe80::1%eth0") == "fe80::/64"
