"""The trash: `DELETE /api/jobs/{job_id}`, restore, and the events of both."""

import pytest

from api.events import hub, payloads
from tests.api.conftest import ApiUser, Server, StartServer, Worker
from tests.api.events.reader import Reader, open_reader, snapshot


async def test_a_terminal_job_is_moved_to_the_trash_and_restored(alice: ApiUser, worker: Worker) -> None:
    job_id = str((await worker.enqueue(alice.id)).id)
    await worker.publish(await worker.claim())
    trashed = await alice.request("DELETE", f"/api/jobs/{job_id}")
    assert trashed.status_code == 200
    assert trashed.json()["trashed_at"] is not None
    assert (await alice.get("/api/jobs")).json()["data"] == []
    listed = (await alice.get("/api/jobs", params={"trashed": True})).json()["data"]
    assert [job["job_id"] for job in listed] == [job_id]
    restored = await alice.post(f"/api/jobs/{job_id}/restore")
    assert restored.json()["trashed_at"] is None
    assert [job["job_id"] for job in (await alice.get("/api/jobs")).json()["data"]] == [job_id]
    assert (await alice.get(f"/api/result/{job_id}", headers={"Accept": "application/json"})).status_code == 200


async def test_a_queued_job_must_be_canceled_first(alice: ApiUser, worker: Worker) -> None:
    job_id = (await worker.enqueue(alice.id)).id
    refused = await alice.request("DELETE", f"/api/jobs/{job_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_ended")
    assert [job["job_id"] for job in (await alice.get("/api/jobs")).json()["data"]] == [str(job_id)]


async def trash_and_restore(reader: Reader, alice: ApiUser, job_id: str) -> None:
    """The reader receives one status event for each of the two, and no other event."""
    before = len(reader.received)
    await alice.request("DELETE", f"/api/jobs/{job_id}")
    trashed = await reader.until("job.status", seconds=1.5)
    assert (trashed["job_id"], trashed["data"]["trashed_at"] is None) == (job_id, False)
    await alice.post(f"/api/jobs/{job_id}/restore")
    restored = await reader.until("job.status", seconds=1.5)
    assert (restored["job_id"], restored["data"]["trashed_at"]) == (job_id, None)
    assert restored["data"]["status"] == "succeeded"
    assert await reader.receives_nothing(1.2)
    assert [message["type"] for message in reader.received[before:]] == ["job.status"] * 2


async def test_trash_and_restore_are_published_by_notification(
    start_server: StartServer, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "POLL_SECONDS", 60.0)
    job_id = await alice.generate()
    await worker.publish(await worker.claim())
    with start_server() as server:
        async with open_reader(server, alice.token) as reader:
            await snapshot(reader)
            await trash_and_restore(reader, alice, job_id)


@pytest.mark.usefixtures("no_notifications")
async def test_trash_and_restore_are_published_by_the_poll(
    start_server: StartServer, alice: ApiUser, worker: Worker
) -> None:
    job_id = await alice.generate()
    await worker.publish(await worker.claim())
    with start_server() as server:
        async with open_reader(server, alice.token) as reader:
            await snapshot(reader)
            await trash_and_restore(reader, alice, job_id)


async def test_trashing_a_newer_job_publishes_nothing_about_older_ones(
    server: Server, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payloads, "SNAPSHOT_RECENT_JOBS", 1)
    monkeypatch.setattr(hub, "RECENT_JOBS", 1)
    for _ in range(2):
        newer = await alice.generate()
        await worker.publish(await worker.claim())
    async with open_reader(server, alice.token) as reader:
        assert list(await snapshot(reader)) == [newer]
        await alice.request("DELETE", f"/api/jobs/{newer}")
        assert (await reader.until("job.status"))["job_id"] == newer
        assert await reader.receives_nothing(2.2)
