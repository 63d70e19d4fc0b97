"""`Prefer: wait=N` on create."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api.auth import revocation
from api.dependencies import Gateway
from api.generate.waiting import MAX_SECONDS, wait_seconds
from db import login_sessions
from tests.api.conftest import SPEC, ApiUser, Server, StartServer, Worker
from tests.api.events.reader import eventually
from tests.api.keys.conftest import key_of


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=5", 5), ("respond-async, wait=7", 7), ("Wait = 3", 3), ('wait="4"; x', 4), ("wait=3600", MAX_SECONDS),
        ("", 0), ("wait", 0), ("wait=0", 0), ("wait=-1", 0), ("wait=x", 0), ("wait=1.5", 0), ("await=5", 0),
        ("wait=9999999999999", 0),
    ],
)  # fmt: skip
def test_the_preference_is_read(prefer: str, seconds: int) -> None:
    assert wait_seconds(prefer) == seconds


class Submission:
    """A request that waits, on a real server."""

    def __init__(self, server: Server, user: ApiUser, seconds: int = 10, **headers: str) -> None:
        self.url = f"{server.http}/api/generate"
        self.headers = user.headers | {"Prefer": f"wait={seconds}"} | headers
        self.task = asyncio.create_task(self._post())

    async def _post(self) -> httpx.Response:
        async with httpx.AsyncClient(timeout=30) as http:
            return await http.post(self.url, json=SPEC, headers=self.headers)

    async def answer(self) -> tuple[httpx.Response, dict[str, Any]]:
        async with asyncio.timeout(20):
            response = await self.task
        return response, response.json()


async def submitted_jobs(gateway: Gateway, count: int = 1) -> None:
    async with asyncio.timeout(10):
        while True:
            async with gateway.sessions() as session:
                if await session.scalar(text("SELECT count(*) FROM jobs")) == count:
                    return
            await asyncio.sleep(0.02)


async def test_the_answer_has_the_result(server: Server, alice: ApiUser, worker: Worker, gateway: Gateway) -> None:
    waiting = Submission(server, alice)
    await submitted_jobs(gateway)
    lease = await worker.claim()
    await worker.progress(lease, 0.5)
    assert not waiting.task.done()
    published = time.monotonic()
    await worker.publish(lease)
    response, body = await waiting.answer()
    assert time.monotonic() - published < 3
    assert (response.status_code, response.headers["preference-applied"]) == (201, "wait=10")
    assert response.headers["location"] == f"/api/status/{body['job_id']}"
    assert (body["status"], body["queue_position"], body["error"]) == ("succeeded", None, None)
    assert body["result"]["outputs"][0]["kind"] == "video"
    assert body["result"]["url"].startswith("/api/files/jobs/")


async def test_the_answer_has_the_error(server: Server, alice: ApiUser, worker: Worker, gateway: Gateway) -> None:
    waiting = Submission(server, alice)
    await submitted_jobs(gateway)
    await worker.fail(await worker.claim())
    response, body = await waiting.answer()
    assert (response.status_code, body["status"], body["result"]) == (201, "failed", None)
    assert body["error"]["code"] == "stage_failed"


async def test_after_the_time_the_job_is_answered_as_it_is(server: Server, alice: ApiUser) -> None:
    started = time.monotonic()
    response, body = await Submission(server, alice, seconds=1).answer()
    assert 0.9 < time.monotonic() - started < 3
    assert (response.headers["preference-applied"], body["status"], body["queue_position"]) == ("wait=1", "queued", 1)
    assert body["result"] is body["error"] is None


async def test_a_request_without_the_preference_does_not_wait(alice: ApiUser) -> None:
    response = await alice.post("/api/generate", json=SPEC, headers={"Prefer": "respond-async"})
    assert response.status_code == 201
    assert "preference-applied" not in response.headers


async def test_a_wait_holds_neither_a_connection_nor_a_slot(
    start_server: StartServer, alice: ApiUser, gateway: Gateway, worker: Worker
) -> None:
    with start_server(requests_per_client=1, waiting_per_client=0, sockets_per_user=20) as server:
        waits = []
        for number in range(1, 13):
            waits.append(Submission(server, alice))
            await submitted_jobs(gateway, number)
            await asyncio.sleep(0.05)
        async with httpx.AsyncClient(headers=alice.headers) as http:
            for _ in range(3):
                assert (await http.get(f"{server.http}/api/jobs")).status_code == 200
        assert server.app.state.gateway.engine.pool.checkedout() == 0
        leases = [await worker.claim() for _ in waits]
        for lease in leases:
            await worker.publish(lease)
        assert {body["status"] for _, body in [await one.answer() for one in waits]} == {"succeeded"}


async def test_too_many_waits_are_answered_at_once(start_server: StartServer, alice: ApiUser, gateway: Gateway) -> None:
    with start_server(sockets_per_user=1) as server:
        first = Submission(server, alice, seconds=3)
        await submitted_jobs(gateway)
        response, body = await Submission(server, alice).answer()
        assert (response.status_code, body["status"]) == (201, "queued")
        assert "preference-applied" not in response.headers
        await first.answer()


async def test_a_client_that_leaves_ends_its_wait(server: Server, alice: ApiUser, gateway: Gateway) -> None:
    waiting = Submission(server, alice)
    await submitted_jobs(gateway)
    assert server.app.state.hub._feeds
    waiting.task.cancel()
    hub, revocations = server.app.state.hub, server.app.state.auth.revocations
    assert await eventually(lambda: not (hub._feeds or revocations._watches))


async def test_a_repeated_request_waits_for_the_same_job(
    server: Server, alice: ApiUser, worker: Worker, gateway: Gateway
) -> None:
    key = {"Idempotency-Key": "once"}
    first = Submission(server, alice, **key)
    await submitted_jobs(gateway)
    second = Submission(server, alice, **key)
    await asyncio.sleep(0.2)
    await worker.publish(await worker.claim())
    (_, one), (_, two) = await first.answer(), await second.answer()
    assert one["job_id"] == two["job_id"]
    assert one["status"] == two["status"] == "succeeded"
    response, third = await Submission(server, alice, **key).answer()
    assert (third["status"], response.headers["idempotency-replayed"]) == ("succeeded", "true")


async def test_a_revoked_session_receives_no_result(
    server: Server, alice: ApiUser, worker: Worker, gateway: Gateway
) -> None:
    waiting = Submission(server, alice)
    await submitted_jobs(gateway)
    async with gateway.sessions.begin() as session:
        await login_sessions.revoke_all(session, alice.id)
    await asyncio.sleep(revocation.POLL_SECONDS + 0.5)
    await worker.publish(await worker.claim())
    _, body = await waiting.answer()
    assert (body["status"], body["result"]) == ("queued", None)


async def test_a_key_that_may_not_read_jobs_does_not_wait(server: Server, alice: ApiUser) -> None:
    response, body = await Submission(server, await key_of(alice, "jobs:write")).answer()
    assert (response.status_code, body["status"]) == (201, "queued")
    assert "preference-applied" not in response.headers


async def test_lost_notifications_delay_the_answer_only(
    no_notifications: None, start_server: StartServer, alice: ApiUser, worker: Worker, gateway: Gateway
) -> None:
    with start_server() as server:
        waiting = Submission(server, alice)
        await submitted_jobs(gateway)
        await worker.publish(await worker.claim())
        _, body = await waiting.answer()
    assert body["status"] == "succeeded"
    assert json.dumps(body)
