import json
from typing import Any

import pytest

from api.server.burst_log import INTERVAL_SECONDS, LOGGED_ADDRESSES, MAX_ADDRESSES, BurstLog
from db import logs


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    logs.configure()
    return [0.0]


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_burst_is_logged_at_its_start_and_then_summed_up(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    log = BurstLog(lambda: clock[0])
    log.add("connection refused", "too_many_connections", "192.0.2.1")
    for n in range(1000):
        log.add("connection refused", "too_many_connections", f"192.0.2.{n % 2}")
    log.add("connection refused", "header_timeout", "192.0.2.9")
    log.flush()
    first, other = printed(capsys)
    assert (first["count"], first["addresses"], first["level"]) == (1, ["192.0.2.1"], "warning")
    assert (other["reason"], other["addresses"]) == ("header_timeout", ["192.0.2.9"])
    clock[0] += INTERVAL_SECONDS
    log.flush()
    (sum_up,) = printed(capsys)
    assert (sum_up["reason"], sum_up["count"]) == ("too_many_connections", 1000)
    assert sorted(sum_up["addresses"]) == ["192.0.2.0", "192.0.2.1"]
    clock[0] += INTERVAL_SECONDS
    log.flush()
    assert not log.is_pending
    assert printed(capsys) == []


def test_the_memory_and_the_line_of_a_distributed_burst_are_bounded(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    log = BurstLog(lambda: clock[0])
    for n in range(MAX_ADDRESSES * 3):
        log.add("connection refused", "header_timeout", f"address {n}")
    assert len(log._bursts["connection refused", "header_timeout"].addresses) == MAX_ADDRESSES
    clock[0] += INTERVAL_SECONDS
    log.flush()
    line = printed(capsys)[-1]
    assert (line["count"], len(line["addresses"])) == (MAX_ADDRESSES * 3 - 1, LOGGED_ADDRESSES)
