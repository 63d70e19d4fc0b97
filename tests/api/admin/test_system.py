"""Queue, workers, storage and failures, for administrators."""

from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from api.admin import examples, figures
from api.dependencies import Gateway
from db import dispatchers, stage_rates, users
from db.storage import figures as stored
from db.tables import Role
from tests.api.conftest import ApiUser, Worker

ROUTES = ("queue", "workers", "storage", "failures")
NONE = {"count": 0, "more": False}
ONE = {"count": 1, "more": False}


@pytest.fixture
async def admin(gateway: Gateway, bob: ApiUser) -> ApiUser:
    async with gateway.sessions.begin() as session:
        await users.set_role(session, bob.id, Role.ADMIN)
    return bob


async def read(admin: ApiUser, path: str) -> dict[str, Any]:
    response = await admin.get(f"/api/admin/{path}")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.parametrize("role", [Role.USER, Role.MODERATOR])
@pytest.mark.parametrize("route", ROUTES)
async def test_other_roles_are_refused(gateway: Gateway, alice: ApiUser, role: Role, route: str) -> None:
    async with gateway.sessions.begin() as session:
        await users.set_role(session, alice.id, role)
    refused = await alice.get(f"/api/admin/{route}")
    assert (refused.status_code, refused.json()["code"]) == (403, "role_required")


async def test_an_idle_system(admin: ApiUser) -> None:
    queue = await read(admin, "queue")
    assert (queue["waiting"], queue["running"], queue["users_waiting"]) == (NONE, NONE, NONE)
    assert (queue["oldest_waiting_seconds"], queue["median_wait_seconds"], queue["samples"]) == (None, None, 0)
    assert queue["last_day"] == {"succeeded": NONE, "failed": NONE, "canceled": NONE}
    assert len(queue["hours"]) == 24
    assert await read(admin, "workers") == {"data": [], "more_jobs": False, "stages": []}
    storage = await read(admin, "storage")
    assert (storage["measured_at"], storage["collected_at"], storage["kinds"]) == (None, None, [])
    assert storage["trash"] == storage["deletable"] == {"objects": 0, "bytes": 0}
    nothing = {"data": [], "codes": [], "first_id": None, "last_id": None, "has_more": False}
    assert await read(admin, "failures") == nothing


async def test_the_queue(admin: ApiUser, alice: ApiUser, worker: Worker) -> None:
    for _ in range(4):
        await alice.generate()
    await worker.publish(await worker.claim())
    await worker.fail(await worker.claim())
    await worker.claim()
    queue = await read(admin, "queue")
    assert (queue["waiting"], queue["running"], queue["users_waiting"]) == (ONE, ONE, ONE)
    assert 0 <= queue["oldest_waiting_seconds"] < 60
    assert queue["last_day"] == {"succeeded": ONE, "failed": ONE, "canceled": NONE}
    assert [hour["succeeded"]["count"] for hour in queue["hours"]].count(1) == 1
    assert queue["samples"] == 1
    assert queue["median_run_seconds"] >= 0


async def test_workers_and_what_they_hold(admin: ApiUser, alice: ApiUser, worker: Worker, gateway: Gateway) -> None:
    job_id = await alice.generate()
    lease = await worker.claim()
    replicas = {"generate": {"running": 1}}
    async with gateway.sessions.begin() as session:
        for owner in ("silent", "idle"):
            await dispatchers.seen(session, owner=owner, version="1.2.3", jobs=4, replicas=replicas)
        await session.execute(text("UPDATE dispatchers SET seen_at = now() - interval '1 hour' WHERE owner = 'silent'"))
        await stage_rates.learn_rate(session, "generate", "tiny", 0.5)
    found = await read(admin, "workers")
    workers = {one["owner"]: one for one in found["data"]}
    assert {owner: one["state"] for owner, one in workers.items()} == {
        "silent": "lost", "idle": "running", lease.owner: "running",
    }  # fmt: skip
    idle, unregistered = workers["idle"], workers[lease.owner]
    assert (idle["version"], idle["capacity"], idle["replicas"], idle["jobs"]) == ("1.2.3", 4, replicas, [])
    assert (unregistered["version"], unregistered["seen_at"], unregistered["replicas"]) == (None, None, {})
    (job,) = unregistered["jobs"]
    assert (job["job_id"], job["user_id"], job["attempt"]) == (job_id, str(alice.id), 1)
    (speed,) = found["stages"]
    assert (speed["stage"], speed["model"], speed["seconds_per_unit"]) == ("generate", "tiny", 0.5)


async def test_more_jobs_run_than_are_listed(
    admin: ApiUser, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatchers, "MAX_HELD", 1)
    monkeypatch.setattr(figures, "MAX_HELD", 1)
    for _ in range(2):
        await alice.generate()
        await worker.claim()
    found = await read(admin, "workers")
    assert (len(found["data"][0]["jobs"]), found["more_jobs"]) == (1, True)


async def test_storage_as_it_was_measured(admin: ApiUser, alice: ApiUser, worker: Worker, gateway: Gateway) -> None:
    await alice.generate()
    await worker.publish(await worker.claim())
    assert (await read(admin, "storage"))["kinds"] == [], "nothing is measured by a request"
    async with gateway.sessions.begin() as session:
        await stored.collected(session, {"previews of ended jobs": 2})
        await stored.measure(session)
    storage = await read(admin, "storage")
    assert [(kind["kind"], kind["objects"]) for kind in storage["kinds"]] == [("video", 1)]
    (user,) = storage["users"]
    email = (await alice.get("/api/me")).json()["email"]
    assert (user["user_id"], user["email"], user["objects"]) == (str(alice.id), email, 1)
    assert storage["removed"] == {"previews of ended jobs": 2}
    assert storage["measured_at"] is not None
    assert storage["collected_at"] is not None
    async with gateway.sessions.begin() as session:
        await users.remove(session, alice.id)
    assert (await read(admin, "storage"))["users"][0]["email"] is None


async def test_failures_page_by_page(admin: ApiUser, alice: ApiUser, worker: Worker) -> None:
    jobs = []
    for _ in range(3):
        jobs.append(await alice.generate(prompt="a secret"))
        await worker.fail(await worker.claim())
    first = await read(admin, "failures?limit=2")
    assert [one["job_id"] for one in first["data"]] == [jobs[2], jobs[1]]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (jobs[2], jobs[1], True)
    assert first["codes"] == ["stage_failed"]
    one = first["data"][0]
    assert (one["code"], one["stage"], one["message"]) == ("stage_failed", "generate", "generate: no")
    assert (one["user_id"], one["attempts"], one["failures"], one["losses"]) == (str(alice.id), 1, 1, 0)
    assert "a secret" not in str(first)
    second = await read(admin, f"failures?limit=2&after={first['last_id']}&code=stage_failed")
    assert ([one["job_id"] for one in second["data"]], second["has_more"]) == ([jobs[0]], False)
    assert (await read(admin, "failures?code=worker_lost"))["data"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "after=x", f"code={'x' * 65}"])
async def test_other_pages_are_refused(admin: ApiUser, query: str) -> None:
    assert (await admin.get(f"/api/admin/failures?{query}")).status_code == 422


@pytest.mark.parametrize(
    ("view", "example"),
    [
        (figures.QueueView, examples.QUEUE),
        (figures.WorkersView, examples.WORKERS),
        (figures.StorageView, examples.STORAGE),
        (figures.FailureList, examples.FAILURES),
    ],
)
def test_the_examples_are_answers(view: type[BaseModel], example: dict[str, Any]) -> None:
    assert view.model_validate(example).model_dump(mode="json") == example
