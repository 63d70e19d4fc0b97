"""The events of the WebSocket over a real connection; `Worker` makes the changes."""

import asyncio
import threading
import time
from typing import Any

import pytest

from api.events import feed, websocket
from tests.api.conftest import RESOLVED, ApiUser, Server, Worker
from tests.api.events.reader import open_reader, snapshot


async def test_hello_and_snapshot_then_all_events_of_a_job(server: Server, alice: ApiUser, worker: Worker) -> None:
    old = await worker.enqueue(alice.id)
    await worker.publish(await worker.claim())
    queued = await worker.enqueue(alice.id)
    async with open_reader(server, alice.token) as reader:
        assert reader.received[0]["data"]["user_id"] == str(alice.id)
        known = await snapshot(reader)
        assert list(known) == [str(queued.id), str(old.id)]
        assert (known[str(queued.id)]["queue_position"], known[str(old.id)]["status"]) == (1, "succeeded")

        lease = await worker.claim()
        running = await reader.until("job.status")
        assert running["job_id"] == str(queued.id)
        assert (running["data"]["status"], running["data"]["attempt"]) == ("running", 1)
        await asyncio.sleep(feed.PROGRESS_SECONDS)
        await worker.progress(lease, 0.4, preview_key=f"previews/{queued.id}.webp")
        assert (await reader.until("job.progress"))["data"]["progress"]["value"] == 0.4
        preview = await reader.until("job.preview")
        assert preview["data"]["preview_url"].startswith(f"/api/files/previews/{queued.id}.webp?")
        await worker.publish(lease)
        assert (await reader.until("job.status"))["data"]["status"] == "succeeded"
        output = await reader.until("job.output")
        assert (output["data"]["resolved"], output["data"]["outputs"][0]["kind"]) == (RESOLVED, "video")
        assert (await alice.http.get(output["data"]["url"])).content == b"0123456789"

        assert [message["seq"] for message in reader.received] == list(range(1, len(reader.received) + 1))
        assert all(m.keys() == {"type", "seq", "at", "job_id", "revision", "data"} for m in reader.received)
        revisions = [message["revision"] for message in reader.received if message["revision"]]
        assert revisions == sorted(revisions)


async def test_changes_made_by_the_gateway_itself_are_published(server: Server, alice: ApiUser) -> None:
    async with open_reader(server, alice.token) as reader:
        await snapshot(reader)
        job_id = await alice.generate()
        assert (await reader.until("job.status", status="queued"))["job_id"] == job_id
        await alice.post(f"/api/jobs/{job_id}/cancel")
        assert (await reader.until("job.status", status="canceled"))["job_id"] == job_id


async def test_a_user_receives_no_events_of_other_users(
    server: Server, alice: ApiUser, bob: ApiUser, worker: Worker
) -> None:
    async with open_reader(server, bob.token) as bobs, open_reader(server, alice.token) as alices:
        await snapshot(bobs)
        await snapshot(alices)
        await alice.generate()
        lease = await worker.claim()
        await worker.progress(lease, 0.5)
        await worker.publish(lease)
        await alices.until("job.output")
        assert await bobs.receives_nothing(1.2)
    async with open_reader(server, bob.token) as again:
        assert await snapshot(again) == {}


async def test_two_connections_of_a_user_receive_the_same_events(
    server: Server, alice: ApiUser, worker: Worker
) -> None:
    async with open_reader(server, alice.token) as one, open_reader(server, alice.token) as two:
        await snapshot(one)
        await snapshot(two)
        await alice.generate()
        await worker.fail(await worker.claim())
        first = await one.until("job.status", status="failed")
        second = await two.until("job.status", status="failed")
        assert first["data"] == second["data"]
        assert first["data"]["error"]["code"] == "stage_failed"


async def test_queue_positions_are_updated(server: Server, alice: ApiUser, worker: Worker) -> None:
    await worker.enqueue(alice.id)
    last = await worker.enqueue(alice.id)
    async with open_reader(server, alice.token) as reader:
        assert (await snapshot(reader))[str(last.id)]["queue_position"] == 2
        await worker.claim()
        event = await reader.until("queue.position")
        assert (event["job_id"], event["data"]) == (str(last.id), {"queue_position": 1})


async def test_progress_is_sent_at_most_twice_a_second_and_the_last_value_always(
    server: Server, alice: ApiUser, worker: Worker
) -> None:
    await worker.enqueue(alice.id)
    lease = await worker.claim()
    async with open_reader(server, alice.token) as reader:
        await snapshot(reader)
        started = time.monotonic()
        for step in range(1, 41):
            await worker.progress(lease, step / 40)
            await asyncio.sleep(0.03)
        while (await reader.until("job.progress"))["data"]["progress"]["value"] < 1:
            pass
        count = sum(message["type"] == "job.progress" for message in reader.received)
        assert 2 <= count <= 1 + (time.monotonic() - started) / feed.PROGRESS_SECONDS


async def test_changes_while_the_snapshot_is_read_are_not_lost(
    server: Server, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = websocket.snapshot
    entered, resume = threading.Event(), threading.Event()

    async def paused(*arguments: Any) -> dict[str, Any]:
        data = await original(*arguments)
        entered.set()
        await asyncio.to_thread(resume.wait, 5)
        return data

    monkeypatch.setattr(websocket, "snapshot", paused)
    await worker.enqueue(alice.id)
    async with open_reader(server, alice.token) as reader:
        assert await asyncio.to_thread(entered.wait, 5)
        lease = await worker.claim()
        await worker.publish(lease)
        resume.set()
        (job,) = (await snapshot(reader)).values()
        assert job["status"] == "queued"
        await reader.until("job.status", status="succeeded")
