import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from api.dependencies import Gateway
from api.jobs.schemas import MAX_PAGE_BYTES, job_list
from db import login_sessions
from db.direct import Direct
from db.jobs.queries import Page
from db.storage.local import LocalStorage
from db.tables import Job
from tests.api.conftest import RESOLVED, SPEC, ApiUser, Worker


async def get_status(user: ApiUser, job_id: object) -> dict[str, Any]:
    response = await user.get(f"/api/status/{job_id}")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def test_a_job_from_queued_to_succeeded(alice: ApiUser, worker: Worker) -> None:
    job_id = await alice.generate(seed=7)
    queued = await get_status(alice, job_id)
    assert queued | {
        "status": "queued", "queue_position": 1, "attempt": 0, "eta_seconds": None, "error": None, "resolved": None,
        "started_at": None, "finished_at": None, "preview_url": None, "warnings": [],
    } == queued  # fmt: skip
    assert queued["spec"] | SPEC | {"seed": 7} == queued["spec"]
    assert queued["progress"]["value"] == 0
    assert [stage["name"] for stage in queued["progress"]["stages"]][:2] == ["preprocess", "generate"]

    lease = await worker.claim()
    await worker.progress(lease, 0.25, preview_key=f"previews/{job_id}.webp")
    running = await get_status(alice, job_id)
    assert (running["status"], running["attempt"], running["queue_position"]) == ("running", 1, None)
    assert (running["progress"]["value"], running["eta_seconds"]) == (0.25, 0.75)
    assert running["preview_url"].startswith(f"/api/files/previews/{job_id}.webp?")
    assert running["revision"] > queued["revision"]

    await worker.publish(lease)
    succeeded = await get_status(alice, job_id)
    assert (succeeded["status"], succeeded["resolved"], succeeded["warnings"]) == ("succeeded", RESOLVED, ["w"])
    assert succeeded["preview_url"] is None
    assert succeeded["created_at"] <= succeeded["started_at"] <= succeeded["finished_at"]


async def test_the_links_of_a_job_exist(alice: ApiUser) -> None:
    job = await get_status(alice, await alice.generate())
    for name, path in job["links"].items():
        if name != "events":
            response = await alice.request("POST" if name in ("cancel", "retry") else "GET", path)
            assert response.status_code not in (404, 405), name


async def test_a_failed_job_has_an_error(alice: ApiUser, worker: Worker) -> None:
    job_id = await alice.generate()
    await worker.fail(await worker.claim())
    job = await get_status(alice, job_id)
    assert job["status"] == "failed"
    assert job["error"] == {"code": "stage_failed", "message": "generate: no", "stage": "generate"}


async def test_canceling_a_queued_job_is_immediate_and_idempotent(alice: ApiUser) -> None:
    job_id = await alice.generate()
    first = await alice.post(f"/api/jobs/{job_id}/cancel")
    again = await alice.post(f"/api/jobs/{job_id}/cancel")
    assert (first.status_code, first.json()["status"]) == (202, "canceled")
    assert again.json() == first.json()


async def test_a_running_job_is_shown_as_canceling(alice: ApiUser, worker: Worker) -> None:
    job_id = await alice.generate()
    await worker.claim()
    assert (await alice.post(f"/api/jobs/{job_id}/cancel")).json()["status"] == "canceling"
    assert (await get_status(alice, job_id))["status"] == "canceling"


async def test_canceling_a_terminal_job_changes_nothing(alice: ApiUser, worker: Worker) -> None:
    job_id = await alice.generate()
    await worker.publish(await worker.claim())
    assert (await alice.post(f"/api/jobs/{job_id}/cancel")).json()["status"] == "succeeded"


async def test_a_retry_is_a_new_job(alice: ApiUser, worker: Worker) -> None:
    job_id = await alice.generate(seed=3)
    await worker.fail(await worker.claim())
    response = await alice.post(f"/api/jobs/{job_id}/retry")
    again = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/api/status/{again['job_id']}"
    assert again["job_id"] != job_id
    assert (again["status"], again["retried_from"], again["spec"]["seed"]) == ("queued", job_id, 3)
    assert (await get_status(alice, job_id))["status"] == "failed"


async def test_retries_with_one_idempotency_key_are_one_job(alice: ApiUser, worker: Worker) -> None:
    job_id = await alice.generate()
    await worker.fail(await worker.claim())
    key = {"Idempotency-Key": "again"}
    responses = await asyncio.gather(*(alice.post(f"/api/jobs/{job_id}/retry", headers=key) for _ in range(5)))
    assert {response.status_code for response in responses} == {201}
    assert len({response.json()["job_id"] for response in responses}) == 1
    assert sum(response.headers.get("idempotency-replayed") == "true" for response in responses) == 4
    reused = await alice.post("/api/generate", json=SPEC, headers=key)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reuse")


async def test_only_failed_and_canceled_jobs_can_be_retried(alice: ApiUser) -> None:
    response = await alice.post(f"/api/jobs/{await alice.generate()}/retry")
    assert (response.status_code, response.json()["code"]) == (409, "not_retryable")


async def pages(user: ApiUser, query: str) -> list[list[str]]:
    found, after = [], ""
    while True:
        body = (await user.get(f"/api/jobs?{query}{after}")).json()
        ids = [job["job_id"] for job in body["data"]]
        assert (body["first_id"], body["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
        found.append(ids)
        if not body["has_more"]:
            return found
        after = f"&after={body['last_id']}"


async def test_the_list_is_paginated(alice: ApiUser, bob: ApiUser) -> None:
    ids = [await alice.generate() for _ in range(5)]
    await bob.generate()
    assert await pages(alice, "limit=2&order=asc") == [ids[:2], ids[2:4], ids[4:]]
    assert await pages(alice, "limit=2") == [ids[:2:-1], ids[2:0:-1], ids[:1]]
    assert await pages(alice, "limit=5") == [ids[::-1]]


async def test_pages_are_stable_while_jobs_are_added(alice: ApiUser) -> None:
    ids = [await alice.generate() for _ in range(3)]
    first = (await alice.get("/api/jobs?limit=2")).json()
    await alice.generate()
    second = (await alice.get(f"/api/jobs?limit=2&after={first['last_id']}")).json()
    assert [job["job_id"] for job in second["data"]] == [ids[0]]


async def test_the_list_filtered_by_status_with_queue_positions(alice: ApiUser, worker: Worker) -> None:
    ids = [await alice.generate() for _ in range(3)]
    await worker.claim()
    queued = (await alice.get("/api/jobs?status=queued&order=asc")).json()["data"]
    assert [(job["job_id"], job["queue_position"]) for job in queued] == [(ids[1], 1), (ids[2], 2)]
    assert [job["job_id"] for job in (await alice.get("/api/jobs?status=running")).json()["data"]] == [ids[0]]


async def test_an_empty_list(alice: ApiUser) -> None:
    body = (await alice.get("/api/jobs")).json()
    assert body == {"data": [], "first_id": None, "last_id": None, "has_more": False}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=x", "order=up", "status=done"])
async def test_an_invalid_parameter_is_named(alice: ApiUser, query: str) -> None:
    response = await alice.get(f"/api/jobs?{query}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == query.partition("=")[0]


async def test_a_cursor_of_another_user_reveals_nothing(alice: ApiUser, bob: ApiUser) -> None:
    mine, foreign = await alice.generate(), await bob.generate()
    body = (await alice.get(f"/api/jobs?after={foreign}")).json()
    assert [job["job_id"] for job in body["data"]] == [mine]
    assert (await alice.get(f"/api/jobs?order=asc&after={uuid4()}")).status_code == 200


async def test_concurrent_cancels_make_one_transition(alice: ApiUser) -> None:
    job_id = await alice.generate()
    responses = await asyncio.gather(*(alice.post(f"/api/jobs/{job_id}/cancel") for _ in range(10)))
    assert {response.json()["status"] for response in responses} == {"canceled"}
    assert len({response.json()["revision"] for response in responses}) == 1


async def test_a_page_of_long_prompts_ends_early(alice: ApiUser, worker: Worker) -> None:
    """Unread responses wait in the gateway's memory."""
    ids = [str((await worker.enqueue(alice.id, prompt="é" * 2000, negative_prompt="é" * 2000)).id) for _ in range(60)]
    seen: list[str] = []
    after, has_more = "", True
    while has_more:
        response = await alice.get(f"/api/jobs?limit=100&order=asc{after}")
        assert len(response.content) <= MAX_PAGE_BYTES + 1000
        page = response.json()
        seen += [job["job_id"] for job in page["data"]]
        has_more, after = page["has_more"], f"&after={page['last_id']}"
    assert seen == ids


def test_a_page_has_at_least_one_job(storage: LocalStorage) -> None:
    now = datetime.now(UTC)
    job = Job(
        id=uuid4(), owner_id=uuid4(), status="queued", spec={"prompt": "a" * MAX_PAGE_BYTES}, progress={}, attempt=0,
        revision=1, warnings=[], created_at=now, updated_at=now,
    )  # fmt: skip
    page = job_list(Page([job, job], has_more=False), storage, {})
    assert (len(page.data), page.has_more) == (1, True)


async def test_the_status_of_a_job_that_does_not_wait_is_one_statement(
    alice: ApiUser, worker: Worker, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.enqueue(alice.id)
    lease = await worker.claim()
    read, reads, in_sessions = Direct.read, list[Any](), list[str]()
    monkeypatch.setattr(Direct, "read", lambda *arguments: reads.append(arguments) or read(*arguments))
    event.listen(gateway.engine.sync_engine, "before_cursor_execute", lambda *seen: in_sessions.append(seen[2]))
    assert (await get_status(alice, lease.job_id))["status"] == "running"
    assert (len(reads), in_sessions) == (1, [])


async def test_the_status_is_refused_after_the_session_was_revoked(
    alice: ApiUser, worker: Worker, gateway: Gateway
) -> None:
    job = await worker.enqueue(alice.id)
    async with gateway.sessions.begin() as session:
        await login_sessions.revoke_all(session, alice.id)
    assert (await alice.get(f"/api/status/{job.id}")).status_code == 401
