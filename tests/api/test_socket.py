"""The WebSocket over a real connection: the gateway in its own thread, its events made by `db.work`."""

import asyncio
import json
import socket as sockets
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from websockets.asyncio.client import connect

from api import events, socket
from api.edge import Gateway
from tests.api.conftest import RESOLVED, Person, Served, Worker, new_user
from tests.api.reader import Reader, Starter, reading, snapshot

CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND query LIKE 'LISTEN%'
"""


async def test_hello_snapshot_then_the_story_of_a_job(served: Served, alice: Person, worker: Worker) -> None:
    old = await worker.enqueue(alice.id)
    await worker.publish(await worker.claim())
    waiting = await worker.enqueue(alice.id)
    async with reading(served, alice.token) as reader:
        assert reader.told[0]["data"]["user_id"] == str(alice.id)
        known = await snapshot(reader)
        assert list(known) == [str(waiting.id), str(old.id)]
        assert (known[str(waiting.id)]["queue_position"], known[str(old.id)]["status"]) == (1, "succeeded")

        lease = await worker.claim()
        running = await reader.until("job.status")
        assert (running["job_id"], running["data"]["status"], running["data"]["attempt"]) == (
            str(waiting.id),
            "running",
            1,
        )
        await asyncio.sleep(events.PROGRESS_SECONDS)
        await worker.progress(lease, 0.4, preview_key=f"previews/{waiting.id}.webp")
        assert (await reader.until("job.progress"))["data"]["progress"]["value"] == 0.4
        preview = await reader.until("job.preview")
        assert preview["data"]["preview_url"].startswith(f"/api/files/previews/{waiting.id}.webp?")
        await worker.publish(lease)
        assert (await reader.until("job.status"))["data"]["status"] == "succeeded"
        output = await reader.until("job.output")
        assert (output["data"]["resolved"], output["data"]["outputs"][0]["kind"]) == (RESOLVED, "video")
        assert (await alice.http.get(output["data"]["url"])).content == b"0123456789"

        assert [message["seq"] for message in reader.told] == list(range(1, len(reader.told) + 1))
        assert all(message.keys() == {"type", "seq", "at", "job_id", "revision", "data"} for message in reader.told)
        revisions = [message["revision"] for message in reader.told if message["revision"]]
        assert revisions == sorted(revisions)


async def test_what_the_gateway_itself_does_is_told(served: Served, alice: Person) -> None:
    async with reading(served, alice.token) as reader:
        await snapshot(reader)
        job_id = await alice.generate()
        assert (await reader.until("job.status", status="queued"))["job_id"] == job_id
        await alice.post(f"/api/jobs/{job_id}/cancel")
        assert (await reader.until("job.status", status="canceled"))["job_id"] == job_id


async def test_nobody_hears_of_the_jobs_of_others(served: Served, alice: Person, bob: Person, worker: Worker) -> None:
    async with reading(served, bob.token) as bobs, reading(served, alice.token) as alices:
        await snapshot(bobs)
        await snapshot(alices)
        await alice.generate()
        lease = await worker.claim()
        await worker.progress(lease, 0.5)
        await worker.publish(lease)
        await alices.until("job.output")
        assert await bobs.silent(1.2)
    async with reading(served, bob.token) as again:
        assert await snapshot(again) == {}


async def test_two_connections_see_the_same(served: Served, alice: Person, worker: Worker) -> None:
    async with reading(served, alice.token) as one, reading(served, alice.token) as two:
        await snapshot(one)
        await snapshot(two)
        await alice.generate()
        await worker.fail(await worker.claim())
        first = await one.until("job.status", status="failed")
        second = await two.until("job.status", status="failed")
        assert first["data"] == second["data"]
        assert first["data"]["error"]["code"] == "stage_failed"


async def test_places_in_the_queue_are_live(served: Served, alice: Person, worker: Worker) -> None:
    await worker.enqueue(alice.id)
    last = await worker.enqueue(alice.id)
    async with reading(served, alice.token) as reader:
        assert (await snapshot(reader))[str(last.id)]["queue_position"] == 2
        await worker.claim()
        moved = await reader.until("queue.position")
        assert (moved["job_id"], moved["data"]) == (str(last.id), {"queue_position": 1})


async def test_progress_comes_twice_a_second_at_most_and_ends_right(
    served: Served, alice: Person, worker: Worker
) -> None:
    await worker.enqueue(alice.id)
    lease = await worker.claim()
    async with reading(served, alice.token) as reader:
        await snapshot(reader)
        started = time.monotonic()
        for step in range(1, 41):
            await worker.progress(lease, step / 40)
            await asyncio.sleep(0.03)
        while (await reader.until("job.progress"))["data"]["progress"]["value"] < 1:
            pass
        count = sum(message["type"] == "job.progress" for message in reader.told)
        assert 2 <= count <= 1 + (time.monotonic() - started) / events.PROGRESS_SECONDS


@pytest.mark.usefixtures("deaf")
async def test_a_lost_notification_costs_a_second_and_a_half_at_most(
    started: Starter, alice: Person, worker: Worker
) -> None:
    with started() as served:
        await told_without_notifications(served, alice, worker)


async def told_without_notifications(served: Served, alice: Person, worker: Worker) -> None:
    async with reading(served, alice.token) as reader:
        await snapshot(reader)
        await worker.enqueue(alice.id)
        started = time.monotonic()
        await reader.until("job.status", status="queued")
        lease = await worker.claim()
        await reader.until("job.status", status="running")
        await worker.publish(lease)
        await reader.until("job.output")
        assert time.monotonic() - started < 3 * 1.5
        await worker.enqueue(alice.id)
        await worker.publish(await worker.claim())  # came and went between two looks
        await reader.until("job.output", seconds=1.5)
        older, newer = [await worker.enqueue(alice.id) for _ in range(2)]
        while (await reader.until("job.status"))["job_id"] != str(newer.id):
            pass
        await worker.publish(await worker.claim())  # ends, and is not the newest
        assert (await reader.until("job.output", seconds=1.5))["job_id"] == str(older.id)


async def test_a_notification_tells_at_once(
    started: Starter, alice: Person, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "POLL_SECONDS", 60.0)
    with started() as served:
        async with reading(served, alice.token) as reader:
            await snapshot(reader)
            await worker.enqueue(alice.id)
            await reader.until("job.status", seconds=5)


async def test_events_go_on_after_the_listening_connection_was_cut(
    served: Served, alice: Person, worker: Worker, parts: Gateway
) -> None:
    async with reading(served, alice.token) as reader:
        await snapshot(reader)
        async with parts.sessions.begin() as session:
            cut = await session.scalars(text(CUT))
            assert list(cut)
        await worker.enqueue(alice.id)
        await reader.until("job.status", seconds=1.5, status="queued")


async def test_what_happens_while_the_snapshot_is_read_is_not_lost(
    served: Served, alice: Person, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading = socket.snapshot
    entered, go_on = threading.Event(), threading.Event()

    async def held(*arguments: Any) -> dict[str, Any]:
        made = await loading(*arguments)
        entered.set()
        await asyncio.to_thread(go_on.wait, 5)
        return made

    monkeypatch.setattr(socket, "snapshot", held)
    await worker.enqueue(alice.id)
    async with reading(served, alice.token) as reader:
        assert await asyncio.to_thread(entered.wait, 5)
        lease = await worker.claim()
        await worker.publish(lease)
        go_on.set()
        (job,) = (await snapshot(reader)).values()
        assert job["status"] == "queued"
        await reader.until("job.status", status="succeeded")


@pytest.mark.parametrize(
    "message",
    ['{"type": "auth"}', '{"type": "auth", "token": "x"}', '{"type": "auth", "ticket": "x"}', '{"type": "pong"}'],
)
async def test_without_a_good_token_it_is_closed(served: Served, message: str) -> None:
    async with reading(served) as reader:
        await reader.connection.send(message)
        assert await reader.end() == 4401
        assert reader.told == []


@pytest.mark.parametrize(
    "message", ["", "x", "[]", '{"type": "subscribe"}', '{"type":"auth","token":"\\ud800"}', b"\xff"]
)
async def test_a_message_that_is_none_closes_it(served: Served, message: str | bytes) -> None:
    async with reading(served) as reader:
        await reader.connection.send(message)
        assert await reader.end() == 4400


async def test_who_says_nothing_is_closed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "AUTH_SECONDS", 0.2)
    async with reading(served) as reader:
        assert await reader.end() == 4408


async def test_a_token_in_the_address_opens_nothing(
    served: Served, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "AUTH_SECONDS", 0.2)
    async with connect(f"{served.ws}?token={alice.token}", additional_headers=alice.headers) as connection:
        assert await Reader(connection).end() == 4408


async def test_a_ticket_opens_one_connection(served: Served, alice: Person) -> None:
    async with httpx.AsyncClient(base_url=served.http) as http:
        answer = await http.post("/api/ws/ticket", headers=alice.headers)
    assert answer.status_code == 201
    ticket = answer.json()["ticket"]
    async with reading(served) as reader:
        await reader.say(type="auth", ticket=ticket)
        assert (await reader.next())["type"] == "hello"
    async with reading(served) as reader:
        await reader.say(type="auth", ticket=ticket)
        assert await reader.end() == 4401


async def test_a_disabled_account_opens_nothing(served: Served, alice: Person, parts: Gateway) -> None:
    async with parts.sessions.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    async with reading(served) as reader:
        await reader.say(type="auth", token=alice.token)
        assert await reader.end() == 4401


async def test_it_ends_with_the_token_unless_a_new_one_comes(started: Starter, alice: Person, parts: Gateway) -> None:
    parts.tokens.lifetime_seconds = 3
    with started() as served:
        async with (
            reading(served, parts.tokens.access(alice.id)) as ends,
            reading(served, parts.tokens.access(alice.id)) as goes_on,
        ):
            assert (await ends.until("error"))["data"]["code"] == "reauthenticate"
            await goes_on.until("error")
            await goes_on.say(type="auth", token=alice.token)
            await goes_on.until("hello")
            assert await ends.end() == 4401
            await asyncio.sleep(1.2)  # its own first token has expired by now, too
            await alice.generate()
            await goes_on.until("job.status")


async def test_it_stays_the_same_users(served: Served, alice: Person, bob: Person) -> None:
    async with reading(served, alice.token) as reader:
        await reader.say(type="auth", token=bob.token)
        assert await reader.end() == 4403


async def test_a_user_has_so_many_connections(started: Starter, alice: Person, bob: Person) -> None:
    with started(SOCKETS_PER_USER=1) as served:
        async with reading(served, alice.token), reading(served) as second, reading(served, bob.token):
            await second.say(type="auth", token=alice.token)
            assert await second.end() == 4429
        async with reading(served, alice.token) as reader:
            await snapshot(reader)


async def test_it_is_pinged(served: Served, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "PING_SECONDS", 0.1)
    async with reading(served, alice.token) as reader:
        await reader.until("ping")
        await reader.say(type="pong")
        await reader.until("ping")


async def test_a_slow_reader_is_dropped_and_the_others_go_on(
    served: Served, alice: Person, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "SEND_SECONDS", 0.5)
    feeds = served.app.state.gateway.hub._feeds
    small = sockets.socket()
    small.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    small.connect(("127.0.0.1", served.port))
    async with (
        reading(served, alice.token) as good,
        connect(served.ws, sock=small, max_queue=1, compression=None, close_timeout=0.1) as slow,
    ):
        await slow.send(json.dumps({"type": "auth", "token": alice.token}))
        await snapshot(good)
        assert await eventually(lambda: len(feeds[alice.id]) == 2)
        jobs, waiting = 0, 0
        while len(feeds[alice.id]) == 2 and jobs < 200:
            waiting = max(waiting, *served.waiting_bytes())
            job = await worker.enqueue(alice.id, prompt="x" * 2000, negative_prompt="y" * 2000)
            jobs += 1
            while (await good.until("job.status"))["job_id"] != str(job.id):
                pass
        assert 10 < jobs < 200
        assert len(feeds[alice.id]) == 1
        assert 100_000 < waiting < 256 * 1024
        await worker.publish(await worker.claim())
        await good.until("job.output")


async def eventually(holds: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:  # noqa: ASYNC110 (another thread's doing)
        await asyncio.sleep(0.02)
    return holds()


async def test_without_its_database_it_asks_to_come_back(
    served: Served, alice: Person, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> dict[str, Any]:
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "story", away)
    async with reading(served, alice.token) as reader:
        await snapshot(reader)
        await worker.enqueue(alice.id)
        assert await reader.end() == 1013
    monkeypatch.setattr(socket, "snapshot", away)
    async with reading(served, alice.token) as reader:
        assert await reader.end() == 1013


async def test_nothing_is_kept_of_who_left(served: Served, alice: Person) -> None:
    hub = served.app.state.gateway.hub
    async with reading(served, alice.token) as reader:
        await snapshot(reader)
        assert alice.id in hub._feeds
    assert await eventually(lambda: alice.id not in hub._feeds)


async def test_a_stopping_gateway_says_that_it_restarts(started: Starter, alice: Person) -> None:
    with started() as served:
        connection = await connect(served.ws)
        reader = Reader(connection)
        await reader.say(type="auth", token=alice.token)
        await snapshot_of(reader)
    assert await reader.end() == 1012


async def snapshot_of(reader: Reader) -> None:
    assert (await reader.next())["type"] == "hello"
    await snapshot(reader)


async def test_a_snapshot_is_one_message_of_bounded_size(served: Served, parts: Gateway, worker: Worker) -> None:
    user, token = await new_user(parts)
    for _ in range(60):
        await worker.enqueue(user.id, prompt="鳥" * 2000)
    async with reading(served, token) as reader:
        message = await reader.next()
        assert len(json.dumps(message, ensure_ascii=False).encode()) < 256 * 1024
        assert message["data"]["complete"] is False
