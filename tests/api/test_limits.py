import contextlib

import pytest

from api import limits
from api.limits import Buckets, neighbourhood
from api.problems import TooManyRequests


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def take(buckets: Buckets, key: str, times: int) -> None:
    for _ in range(times):
        buckets.take(key)


def test_a_bucket_runs_empty_and_fills_again(clock: Clock) -> None:
    buckets = Buckets(6, clock)
    take(buckets, "a", 6)
    with pytest.raises(TooManyRequests) as refused:
        buckets.take("a")
    assert int(refused.value.headers["Retry-After"]) == pytest.approx(10, abs=1)
    clock.now = 10.0
    buckets.take("a")
    with pytest.raises(TooManyRequests):
        buckets.take("a")


def test_each_key_has_its_own(clock: Clock) -> None:
    buckets = Buckets(1, clock)
    buckets.take("a")
    buckets.take("b")


def test_what_is_given_back_can_be_taken_again(clock: Clock) -> None:
    buckets = Buckets(2, clock)
    for _ in range(10):
        buckets.take("a")
        buckets.give_back("a")
    take(buckets, "a", 2)
    with pytest.raises(TooManyRequests):
        buckets.take("a")


def test_a_try_costs_only_when_it_fails_as_named(clock: Clock) -> None:
    buckets = Buckets(1, clock)
    with contextlib.suppress(OSError), buckets.attempt("a", KeyError):
        raise OSError
    with buckets.attempt("a", KeyError), pytest.raises(TooManyRequests):
        buckets.take("a")
    with contextlib.suppress(KeyError), buckets.attempt("a", KeyError):
        raise KeyError
    with pytest.raises(TooManyRequests):
        buckets.take("a")


def test_memory_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 3)
    buckets = Buckets(1, clock)
    for key in "abcd":
        buckets.take(key)
    assert list(buckets._buckets) == ["b", "c", "d"]


def test_one_customer_of_ipv6_is_one_caller() -> None:
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff") != neighbourhood("2001:db8:0:1::1")
    assert neighbourhood("192.0.2.1") == "192.0.2.1"
    assert neighbourhood("unknown") == "unknown"


def test_an_ipv4_address_is_the_same_when_it_is_written_as_ipv6() -> None:
    assert neighbourhood("::ffff:192.0.2.1") == "192.0.2.1" != neighbourhood("::ffff:192.0.2.2")


def test_an_address_of_the_local_link_is_one_too() -> None:
    assert neighbourhood("fe80::1%eth0") == "fe80::/64"
