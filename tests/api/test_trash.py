"""Throwing a job away, and having it back."""

import pytest

from api import events, stories
from tests.api.conftest import Person, Served, Worker
from tests.api.reader import Reader, Starter, reading, snapshot


async def test_an_ended_job_goes_to_the_trash_and_comes_back(alice: Person, worker: Worker) -> None:
    kept = (await worker.enqueue(alice.id)).id
    lease = await worker.claim()
    await worker.publish(lease)
    thrown = await alice.ask("DELETE", f"/api/jobs/{kept}")
    assert thrown.status_code == 200
    assert thrown.json()["trashed_at"] is not None
    assert (await alice.get("/api/jobs")).json()["data"] == []
    listed = (await alice.get("/api/jobs", params={"trashed": True})).json()["data"]
    assert [job["job_id"] for job in listed] == [str(kept)]
    back = await alice.post(f"/api/jobs/{kept}/restore")
    assert back.json()["trashed_at"] is None
    assert [job["job_id"] for job in (await alice.get("/api/jobs")).json()["data"]] == [str(kept)]
    assert (await alice.get(f"/api/result/{kept}", headers={"Accept": "application/json"})).status_code == 200


async def test_a_job_that_waits_must_be_canceled_first(alice: Person, worker: Worker) -> None:
    job_id = (await worker.enqueue(alice.id)).id
    refused = await alice.ask("DELETE", f"/api/jobs/{job_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_ended")
    assert [job["job_id"] for job in (await alice.get("/api/jobs")).json()["data"]] == [str(job_id)]


async def trashed_and_restored(reader: Reader, alice: Person, job_id: str) -> None:
    """The reader hears that the job is thrown away and that it is back, and of nothing new."""
    before = len(reader.told)
    await alice.ask("DELETE", f"/api/jobs/{job_id}")
    thrown = await reader.until("job.status", seconds=1.5)
    assert (thrown["job_id"], thrown["data"]["trashed_at"] is None) == (job_id, False)
    await alice.post(f"/api/jobs/{job_id}/restore")
    back = await reader.until("job.status", seconds=1.5)
    assert (back["job_id"], back["data"]["trashed_at"], back["data"]["status"]) == (job_id, None, "succeeded")
    assert await reader.silent(1.2)
    assert [message["type"] for message in reader.told[before:]] == ["job.status"] * 2


async def test_the_trash_is_told(
    started: Starter, alice: Person, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "POLL_SECONDS", 60.0)
    job_id = await alice.generate()
    await worker.publish(await worker.claim())
    with started() as served:
        async with reading(served, alice.token) as reader:
            await snapshot(reader)
            await trashed_and_restored(reader, alice, job_id)


@pytest.mark.usefixtures("deaf")
async def test_the_trash_is_seen_without_a_notification(started: Starter, alice: Person, worker: Worker) -> None:
    job_id = await alice.generate()
    await worker.publish(await worker.claim())
    with started() as served:
        async with reading(served, alice.token) as reader:
            await snapshot(reader)
            await trashed_and_restored(reader, alice, job_id)


async def test_old_jobs_are_no_news_when_newer_ones_are_thrown_away(
    served: Served, alice: Person, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stories, "SNAPSHOT_RECENT", 1)
    monkeypatch.setattr(events, "RECENT", 1)
    for _ in range(2):
        newer = await alice.generate()
        await worker.publish(await worker.claim())
    async with reading(served, alice.token) as reader:
        assert list(await snapshot(reader)) == [newer]
        await alice.ask("DELETE", f"/api/jobs/{newer}")
        assert (await reader.until("job.status"))["job_id"] == newer
        assert await reader.silent(2.2)
