import pytest

from api.server import budget
from api.server.budget import Budget


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The current time, to be changed by the test."""
    now = [1000.0]
    monkeypatch.setattr(budget.time, "monotonic", lambda: now[0])
    return now


def test_the_allowance_of_a_minute_can_be_used_at_once_and_is_earned_again(clock: list[float]) -> None:
    allowance = Budget(60)
    assert [allowance.spend(20) for _ in range(4)] == [True, True, True, False]
    clock[0] += 19
    assert not allowance.spend(20)
    clock[0] += 1
    assert allowance.spend(20)
    assert not allowance.spend(1)


def test_no_more_than_a_minute_is_saved(clock: list[float]) -> None:
    allowance = Budget(60)
    assert allowance.is_full()
    allowance.spend(1)
    assert not allowance.is_full()
    clock[0] += 3600
    assert allowance.is_full()
    assert not allowance.spend(61)
    assert allowance.spend(60)
