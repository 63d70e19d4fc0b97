"""The number of threads follows the idle cores."""

import pytest
import torch

from pipeline.cluster import threads
from pipeline.cluster.threads import Threads, number


@pytest.mark.parametrize(
    ("cores", "used", "expected"),
    [
        (2, 0.0, 2),
        (2, 0.4, 2),
        (2, 1.0, 1),
        (2, 2.0, 1),
        (2, -0.3, 2),  # the clocks of the machine and of the process differ a little
        (16, 0.0, 16),
        (16, 8.2, 8),
        (16, 16.0, 4),
    ],
)
def test_a_stage_uses_the_idle_cores_and_at_least_its_part(cores: int, used: float, expected: int) -> None:
    assert number(cores, used) == expected


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = {"time": 100.0, "others": 50.0}
    monkeypatch.setattr(threads.time, "monotonic", lambda: now["time"])
    monkeypatch.setattr(threads, "seconds_of_others", lambda: now["others"])
    return now


def test_threads_follow_the_load(clock: dict[str, float]) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        adapting = Threads()
        seen = []
        # Nothing is known at first; then others use both cores, then none; then too little time has passed.
        for seconds, used in ((0.0, 0.0), (0.2, 2.0), (0.2, 0.0), (0.01, 2.0)):
            clock["time"] += seconds
            clock["others"] += seconds * used
            adapting.adapt()
            seen.append(torch.get_num_threads())
        assert seen == [2, 1, 2, 2]
    finally:
        torch.set_num_threads(before)


def test_the_load_of_long_ago_does_not_count(clock: dict[str, float]) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        adapting = Threads()
        adapting.adapt()
        clock["time"] += 60
        clock["others"] += 120
        adapting.adapt()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
