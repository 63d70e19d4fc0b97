import pytest

from db import stage_rates
from tests.db.conftest import Call


async def test_rates_average_and_follow_their_samples(call: Call) -> None:
    assert await call(stage_rates.rates, "tiny") == {}
    for sample in (1.0, 2.0, 3.0):
        await call(stage_rates.learn_rate, "generate", "tiny", sample)
    await call(stage_rates.learn_rate, "spans", "tiny", 0.5)
    await call(stage_rates.learn_rate, "generate", "animatediff", 70.0)
    assert await call(stage_rates.rates, "tiny") == pytest.approx({"generate": 2.0, "spans": 0.5})
    for _ in range(40):
        await call(stage_rates.learn_rate, "generate", "tiny", 9.0)
    assert (await call(stage_rates.rates, "tiny"))["generate"] == pytest.approx(9.0, abs=0.2)
