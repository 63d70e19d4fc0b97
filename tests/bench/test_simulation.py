"""The model of scale against what can be calculated by hand."""

import pytest

from tests.bench.scale import GOALS, Demand, answer, table
from tests.bench.simulation import STAGES, Fleet, Work, simulate

WORK = Work(generate=1.0, interpolate=0.0, upscale=0.0, encode=0.0, assemble=0.0, spans=1, hop=0.0, preprocess=0.0)


def fleet(**replicas: int) -> Fleet:
    return Fleet(dict.fromkeys(STAGES, 1) | replicas, jobs_at_once=100)


def test_the_slowest_stage_bounds_the_throughput() -> None:
    assert simulate(WORK, fleet(), per_second=10, jobs=500).jobs_per_second == pytest.approx(1.0, rel=0.01)
    assert simulate(WORK, fleet(generate=4), per_second=10, jobs=500).jobs_per_second == pytest.approx(4.0, rel=0.01)


def test_below_saturation_the_throughput_is_the_arrival_rate() -> None:
    outcome = simulate(WORK, fleet(generate=4), per_second=2, jobs=4000)
    assert outcome.jobs_per_second == pytest.approx(2.0, rel=0.05)
    assert outcome.busy["generate"] == pytest.approx(0.5, rel=0.05)


def test_waiting_at_one_server_is_that_of_queueing_theory() -> None:
    """M/D/1 at 50 %: a mean wait of rho / (2 (1 - rho)) = 0.5 services. The median of the total is a little less."""
    outcome = simulate(WORK, fleet(), per_second=0.5, jobs=20_000)
    assert 1.0 <= outcome.total_p50 <= 1.5


def test_spans_are_spread_over_the_replicas() -> None:
    spans = Work(
        generate=0.0, interpolate=0.0, upscale=1.0, encode=0.0, assemble=0.0, spans=16, hop=0.0, preprocess=0.0
    )
    one, eight = (simulate(spans, fleet(upscale=n), per_second=0.001, jobs=10).total_p50 for n in (1, 8))
    assert (one, eight) == (pytest.approx(16.0), pytest.approx(2.0))


def test_failures_cost_the_call_again_and_a_restart() -> None:
    sure = simulate(WORK, fleet(), per_second=0.001, jobs=10, failures=1.0)
    # preprocess and the three stages of the span fail too: five restarts, and `assemble`.
    assert sure.total_p50 == pytest.approx(2.0 + 6 * 10)


def test_more_users_need_more_replicas_and_wait_no_longer() -> None:
    few, many = (answer(GOALS, Demand(users, 5, 3), gpu_price=3, jobs=300) for users in (10_000, 100_000))
    assert many.fleet.replicas["generate"] > 5 * few.fleet.replicas["generate"]
    assert many.outcome.total_p95 <= few.outcome.total_p95
    assert many.outcome.jobs_per_second == pytest.approx(many.demand.per_second, rel=0.3)
    assert "| 100,000 |" in table([many])
