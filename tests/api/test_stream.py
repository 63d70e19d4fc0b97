import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api import stream
from api.edge import Gateway
from tests.api.conftest import Person, Served, Worker


async def told(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def test_the_story_of_one_job_until_its_end(served: Served, alice: Person, worker: Worker) -> None:
    other = await worker.enqueue(alice.id)
    await worker.fail(await worker.claim())
    job_id = await alice.generate()
    url = f"{served.http}/api/jobs/{job_id}/events"
    async with httpx.AsyncClient() as http, http.stream("GET", url, headers=alice.headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = told(response)
        assert (await anext(events))["data"]["status"] == "queued"
        assert served.app.state.gateway.engine.pool.checkedout() == 0  # nothing is held while it streams
        lease = await worker.claim()
        assert (await anext(events))["data"]["status"] == "running"
        await worker.publish(lease)
        rest = [event async for event in events]
    assert [event["type"] for event in rest] == ["job.status", "job.output"]
    assert {event["job_id"] for event in rest} == {job_id} != {str(other.id)}


async def test_of_a_finished_job_the_end_is_told(alice: Person, worker: Worker) -> None:
    job_id = await alice.generate()
    await worker.fail(await worker.claim())
    response = await alice.get(f"/api/jobs/{job_id}/events")
    lines = response.text.splitlines()
    assert lines[1] == "event: job.status"
    assert json.loads(lines[2].removeprefix("data: "))["data"]["status"] == "failed"


async def test_it_ends_with_the_token(alice: Person, parts: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = await alice.generate()
    monkeypatch.setattr(stream, "SILENCE_SECONDS", 0.2)
    parts.tokens.lifetime_seconds = 2
    alice.token = parts.tokens.access(alice.id)
    started = time.monotonic()
    response = await alice.get(f"/api/jobs/{job_id}/events")
    assert time.monotonic() - started < 4
    assert ": still here" in response.text
    assert parts.hub._feeds == {}
