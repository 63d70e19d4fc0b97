"""Finishing a video again from its kept base clip."""

from typing import Any

import pytest
from sqlalchemy import text

from api.dependencies import Gateway
from db.jobs import leases
from db.jobs import queries as jobs
from db.jobs.leases import Lease
from tests.api.conftest import ApiUser, Worker
from tests.pipeline.contract.test_plan import create_plan

SPEC = {"prompt": "a red circle", "width": 512, "height": 512, "fps": 24, "duration_seconds": 2}


async def keep_base(worker: Worker, lease: Lease) -> None:
    base = {
        "key": f"jobs/{lease.job_id}/{lease.attempt}/base.mkv", "content_type": "video/x-matroska", "width": 64,
        "height": 64, "fps": 8.0, "frames": 16, "size_bytes": 3, "sha256": "0" * 64, "reduced": False,
        "plan": create_plan().model_dump(mode="json", exclude={"image"}),
    }  # fmt: skip
    async with worker.gateway.sessions.begin() as session:
        assert await leases.keep_base(session, lease, base, days=7)


async def make_video(user: ApiUser, worker: Worker) -> dict[str, Any]:
    job = await user.generate(**SPEC)
    lease = await worker.claim()
    await keep_base(worker, lease)
    await worker.publish(lease)
    video_id = (await user.get(f"/api/status/{job}")).json()["video_id"]
    video: dict[str, Any] = (await user.get(f"/api/videos/{video_id}")).json()
    return video


@pytest.fixture
async def video(alice: ApiUser, worker: Worker) -> dict[str, Any]:
    return await make_video(alice, worker)


async def finish(user: ApiUser, video_id: str, key: str | None = None, **body: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return await user.post(f"/api/videos/{video_id}/finish", json=body, headers=headers)


async def sql(gateway: Gateway, statement: str) -> None:
    async with gateway.sessions.begin() as session:
        await session.execute(text(statement))


async def test_a_finish_is_a_job_from_the_base_clip(
    alice: ApiUser, worker: Worker, gateway: Gateway, video: dict[str, Any]
) -> None:
    await alice.request("PATCH", f"/api/videos/{video['id']}", json={"title": "Circle", "tags": ["round"]})
    assert (video["finishable"], video["finishable_until"] is not None) == (True, True)
    answer = await finish(alice, video["id"], fps=12, width=256, height=128, format="webm")
    job = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/status/{job['job_id']}")
    assert (job["spec"] | SPEC | {"fps": 12, "width": 256, "height": 128, "format": "webm", "seed": 1}) == job["spec"]
    lease = await worker.claim()
    async with gateway.sessions() as session:
        (row,) = await jobs.by_ids(session, [lease.job_id])
    assert row.base is not None
    plan = row.base["plan"]
    assert (plan["width"], plan["height"], plan["fps"], plan["frames"], plan["format"]) == (256, 128, 12, 24, "webm")
    assert (plan["reused_base"], plan["seed"], row.charged_seconds) == (True, 1, 0)
    await worker.publish(lease)
    made = (await alice.get("/api/videos")).json()["data"][0]
    assert (made["finished_from"], made["title"], made["tags"]) == (video["id"], "Circle", ["round"])
    assert (made["job_id"], made["finishable"]) == (job["job_id"], True)
    assert (await finish(alice, made["id"], fps=8)).status_code == 201


async def test_a_finish_uses_no_seconds_of_the_quota(
    alice: ApiUser, worker: Worker, gateway: Gateway, video: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "seconds_per_day", 2.5)
    assert (await alice.post("/api/generate", json=SPEC)).json()["code"] == "quota_exceeded"
    assert (await finish(alice, video["id"], fps=8)).status_code == 201


async def test_a_finish_can_be_repeated_safely(alice: ApiUser, video: dict[str, Any]) -> None:
    first, again = [await finish(alice, video["id"], "key", fps=8) for _ in range(2)]
    assert first.json()["job_id"] == again.json()["job_id"]
    assert again.headers["idempotency-replayed"] == "true"
    other = await finish(alice, video["id"], "key", fps=9)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reuse")


@pytest.mark.parametrize(
    "gone",
    [
        "UPDATE artifacts SET expires_at = now() - interval '1 s' WHERE kind = 'base'",
        "UPDATE videos SET base = NULL",
        "DELETE FROM artifacts WHERE kind = 'base'",
    ],
)
async def test_without_a_base_clip_there_is_no_finish(
    alice: ApiUser, gateway: Gateway, video: dict[str, Any], gone: str
) -> None:
    await sql(gateway, gone)
    refused = await finish(alice, video["id"], fps=8)
    assert (refused.status_code, refused.json()["code"]) == (409, "base_gone")
    seen = (await alice.get(f"/api/videos/{video['id']}")).json()
    assert (seen["finishable"], seen["finishable_until"]) == (False, None)


async def test_a_favourite_can_be_finished_for_ever(alice: ApiUser, gateway: Gateway, video: dict[str, Any]) -> None:
    await alice.request("PATCH", f"/api/videos/{video['id']}", json={"favourite": True})
    await sql(gateway, "UPDATE artifacts SET expires_at = now() - interval '1 s' WHERE kind = 'base'")
    seen = (await alice.get(f"/api/videos/{video['id']}")).json()
    assert (seen["finishable"], seen["finishable_until"]) == (True, None)
    assert (await finish(alice, video["id"], fps=8)).status_code == 201


async def test_a_hidden_video_is_not_finished(alice: ApiUser, gateway: Gateway, video: dict[str, Any]) -> None:
    await sql(gateway, "UPDATE videos SET moderation_state = 'hidden', moderated_at = now()")
    refused = await finish(alice, video["id"], fps=8)
    assert (refused.status_code, refused.json()["code"]) == (409, "video_moderated")
    assert not (await alice.get(f"/api/videos/{video['id']}")).json()["finishable"]


async def test_the_finish_of_a_purged_job(alice: ApiUser, gateway: Gateway, video: dict[str, Any]) -> None:
    await sql(gateway, "DELETE FROM jobs")
    assert (await finish(alice, video["id"], fps=8)).status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"fps": 7}, "/fps"), ({"width": 63}, "/width"), ({"format": "avi"}, "/format"), ({"prompt": "x"}, "/prompt"),
        ({"format": "gif", "fps": 60}, ""), ({"width": 64, "height": 2048}, ""),
    ],
)  # fmt: skip
async def test_the_limits_of_a_request(
    alice: ApiUser, video: dict[str, Any], body: dict[str, Any], pointer: str
) -> None:
    refused = await finish(alice, video["id"], **body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_foreign_video_is_not_finished(bob: ApiUser, video: dict[str, Any]) -> None:
    assert (await finish(bob, video["id"], fps=8)).status_code == 404
