"""One client cannot occupy the connection pool."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.request_slots import RequestSlots
from tests.api.conftest import SPEC, ApiUser, StartServer


@pytest.fixture
def slow(app: FastAPI) -> dict[str, int]:
    """A route that takes a while; the number of its requests that run now, and the most that ran at once."""
    running = {"now": 0, "most": 0}

    @app.get("/slow")
    async def slow() -> None:
        running["now"] += 1
        running["most"] = max(running.values())
        await asyncio.sleep(0.05)
        running["now"] -= 1

    return running


async def test_requests_of_a_user_run_a_few_at_a_time(alice: ApiUser, bob: ApiUser, slow: dict[str, int]) -> None:
    responses = await asyncio.gather(*(alice.get("/slow") for _ in range(20)))
    assert {response.status_code for response in responses} == {200}
    assert slow["most"] == 4
    slow["most"] = 0
    await asyncio.gather(*(user.get("/slow") for user in (alice, bob) for _ in range(10)))
    assert slow["most"] == 8


async def test_requests_without_a_token_are_counted_per_address(
    client: httpx.AsyncClient, slow: dict[str, int]
) -> None:
    headers = [{"Authorization": "Bearer forged"}, {"Authorization": "Basic a"}, {}]
    await asyncio.gather(*(client.get("/slow", headers=each) for each in headers * 5))
    assert slow["most"] == 4


async def test_too_many_waiting_requests_are_refused(alice: ApiUser, bob: ApiUser, slow: dict[str, int]) -> None:
    requests = [asyncio.create_task(alice.get("/slow")) for _ in range(120)]
    await asyncio.sleep(0)
    assert (await bob.get("/slow")).status_code == 200
    responses = await asyncio.gather(*requests)
    assert sorted(response.status_code for response in responses) == [200] * 104 + [429] * 16
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.json()["code"] == "too_many_requests"
    assert refused.headers["retry-after"] == "1"


async def test_liveness_is_not_limited(client: httpx.AsyncClient, slow: dict[str, int]) -> None:
    requests = [asyncio.create_task(client.get("/slow")) for _ in range(120)]
    await asyncio.sleep(0)
    assert (await client.get("/healthz")).status_code == 200
    await asyncio.gather(*requests)


async def test_a_stream_returns_its_slot(start_server: StartServer, alice: ApiUser) -> None:
    job_id = await alice.generate()
    with start_server(requests_per_client=1) as server:
        async with (
            httpx.AsyncClient(base_url=server.http, headers=alice.headers) as http,
            http.stream("GET", f"/api/jobs/{job_id}/events") as response,
        ):
            assert response.status_code == 200
            assert (await http.get("/api/me")).status_code == 200


async def test_nothing_is_kept_after_the_requests(alice: ApiUser, slow: dict[str, int]) -> None:
    slots: list[RequestSlots] = []
    middleware: Any = alice.http._transport.app.middleware_stack  # type: ignore[attr-defined]
    while hasattr(middleware, "app"):
        slots += [middleware] if isinstance(middleware, RequestSlots) else []
        middleware = middleware.app
    tasks = [asyncio.create_task(alice.get("/slow")) for _ in range(20)]
    await asyncio.sleep(0.02)
    assert len(slots[0]._clients) == 1
    for task in tasks[:10]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert slots[0]._clients == {}
    assert (await alice.get("/slow")).status_code == 200


async def test_another_user_is_served_while_one_submits_in_parallel(
    start_server: StartServer, alice: ApiUser, bob: ApiUser
) -> None:
    with start_server(queued_per_user=1000) as server:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=server.http, limits=limits, timeout=60) as http:
            submissions = [
                asyncio.create_task(http.post("/api/generate", json=SPEC, headers=alice.headers)) for _ in range(60)
            ]
            longest = 0.0
            while not all(task.done() for task in submissions):
                started = time.monotonic()
                assert (await http.get("/api/me", headers=bob.headers)).status_code == 200
                longest = max(longest, time.monotonic() - started)
        assert {task.result().status_code for task in submissions} == {201}
    assert longest < 2
