"""Throwing a job away, and having it back."""

from tests.api.conftest import Person, Worker


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
