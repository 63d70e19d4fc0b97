"""The rows that depend little on the machine, in their short form. Their goals are for `aura bench --check`."""

import pytest

from tests.bench import database, fan_out, film, pipelining
from tests.bench.result import Result

pytestmark = [pytest.mark.ray, pytest.mark.slow]


async def test_film_is_called_as_rarely_as_batches_allow() -> None:
    with database.server() as server:
        assert all(result.met for result in await film.measure(server, quick=True))


async def test_stages_overlap_and_spans_fan_out() -> None:
    """Two equal stages that take turns would give 0.5, and four replicas of which one works 0.25."""
    with database.server() as server:
        results: list[Result] = [
            *await pipelining.measure(server, quick=True),
            *await fan_out.measure(server, quick=True),
        ]
    assert {result.what: result.ratio for result in results if result.ratio < 0.55} == {}
