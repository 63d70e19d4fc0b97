import pytest
from httpx import Response

from db import stage_rates
from tests.api.conftest import ApiUser
from tests.conftest import Sessions

RATES = {"generate": 2.0, "spans": 0.5, "assemble": 0.1}


async def estimate(user: ApiUser, **body: object) -> Response:
    return await user.post("/api/generate/estimate", json={"prompt": "a red circle", "model": "tiny"} | body)


@pytest.fixture
async def measured(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        for phase, rate in RATES.items():
            await stage_rates.learn_rate(session, phase, "tiny", rate)


async def test_before_the_first_job_of_the_model_it_is_unknown(alice: ApiUser, measured: None) -> None:
    answer = await estimate(alice, model="animatediff")
    assert (answer.status_code, answer.json()["seconds"]) == (200, None)


@pytest.mark.usefixtures("measured")
async def test_it_is_computed_from_the_measured_rates(alice: ApiUser) -> None:
    request = {"width": 500, "height": 400, "fps": 10, "duration_seconds": 2, "num_inference_steps": 10}
    answer = (await estimate(alice, **request)).json()
    # 16 base frames of 64 x 64 in 10 steps, and 20 frames of 500 x 400.
    assert answer == {"seconds": pytest.approx(64 * 64 * 16e-6 * 10 * 2 + 4 * 0.5 + 4 * 0.1, abs=0.05), "frames": 20}
    doubled = (await estimate(alice, **request | {"num_inference_steps": 20})).json()
    assert doubled["seconds"] > answer["seconds"]


async def test_nothing_is_submitted(alice: ApiUser) -> None:
    await estimate(alice)
    assert (await alice.get("/api/jobs")).json()["data"] == []


async def test_a_request_that_would_be_refused_is_refused(alice: ApiUser) -> None:
    refused = await estimate(alice, style="anime")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/style")
