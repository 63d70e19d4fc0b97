import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.auth.dependencies import Auth
from api.events import sse
from tests.api.conftest import ApiUser, Server, Worker


async def event_data(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The events but `queue.position`, which a slow machine sends when a poll comes first."""
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            if event["type"] != "queue.position":
                yield event


async def test_the_events_of_one_job_until_it_is_terminal(server: Server, alice: ApiUser, worker: Worker) -> None:
    other = await worker.enqueue(alice.id)
    await worker.fail(await worker.claim())
    job_id = await alice.generate()
    url = f"{server.http}/api/jobs/{job_id}/events"
    async with httpx.AsyncClient() as http, http.stream("GET", url, headers=alice.headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = event_data(response)
        assert (await anext(events))["data"]["status"] == "queued"
        assert server.app.state.gateway.engine.pool.checkedout() == 0, "no connection is held while streaming"
        lease = await worker.claim()
        assert (await anext(events))["data"]["status"] == "running"
        await worker.publish(lease)
        rest = [event async for event in events]
    assert [event["type"] for event in rest] == ["job.status", "job.output"]
    assert {event["job_id"] for event in rest} == {job_id} != {str(other.id)}


async def test_a_terminal_job_sends_its_status_and_ends(alice: ApiUser, worker: Worker) -> None:
    job_id = await alice.generate()
    await worker.fail(await worker.claim())
    response = await alice.get(f"/api/jobs/{job_id}/events")
    lines = response.text.splitlines()
    assert lines[1] == "event: job.status"
    assert json.loads(lines[2].removeprefix("data: "))["data"]["status"] == "failed"


async def test_the_stream_ends_when_the_token_expires(
    alice: ApiUser, auth: Auth, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await alice.generate()
    monkeypatch.setattr(sse, "KEEP_ALIVE_SECONDS", 0.2)
    auth.tokens.lifetime_seconds = 2
    alice.token = auth.tokens.issue(alice.id, alice.session_id)
    started = time.monotonic()
    response = await alice.get(f"/api/jobs/{job_id}/events")
    assert time.monotonic() - started < 4
    assert ": keep-alive" in response.text
    assert app.state.hub._feeds == {}
