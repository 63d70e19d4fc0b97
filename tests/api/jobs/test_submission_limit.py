"""Submissions are limited per user, so that queue and cancel in a loop is too."""

import pytest

from api.dependencies import Gateway
from tests.api.conftest import SPEC, ApiUser


@pytest.fixture(autouse=True)
def few_submissions(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.settings, "submissions_per_minute", 5)


async def test_queue_and_cancel_in_a_loop_is_limited(alice: ApiUser, bob: ApiUser) -> None:
    for _ in range(5):
        job_id = await alice.generate()
        assert (await alice.post(f"/api/jobs/{job_id}/cancel")).json()["status"] == "canceled"
    refused = await alice.post("/api/generate", json=SPEC)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert refused.json()["detail"] == "rate limit: submissions of this account"
    assert 1 <= int(refused.headers["retry-after"]) <= 13
    assert (await alice.post(f"/api/jobs/{job_id}/retry")).status_code == 429
    await bob.generate()


async def test_a_refused_submission_costs_nothing(
    alice: ApiUser, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "queued_per_user", 1)
    await alice.generate()
    codes = {(await alice.post("/api/generate", json=SPEC)).json()["code"] for _ in range(10)}
    assert codes == {"queue_full"}


async def test_an_invalid_request_costs_nothing(alice: ApiUser) -> None:
    for _ in range(10):
        assert (await alice.post("/api/generate", json={"prompt": "\u200b"})).status_code == 422
    await alice.generate()
