"""How changes reach a reader: by notification, by poll, and after a reconnect."""

import asyncio
import time
from typing import Any

import pytest
from sqlalchemy import text

from api.dependencies import Gateway
from api.events import hub
from api.events.hub import Hub
from db.direct import Direct
from db.jobs import changes
from tests.api.conftest import ApiUser, Server, StartServer, Worker
from tests.api.events.reader import eventually, open_reader, snapshot

TERMINATE_LISTENER = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND application_name = 'auraanim-listen'
"""


async def test_without_readers_the_database_is_not_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_session() -> Any:
        raise AssertionError

    nowhere = "postgresql://nowhere/none"
    idle = Hub(nowhere, open_session, Direct(nowhere), 1)  # type: ignore[arg-type]
    monkeypatch.setattr(hub, "PROBE_SECONDS", 0.0)
    monkeypatch.setattr(hub, "POSITION_SECONDS", 0.0)
    await idle._poll([])
    await idle._watch_notifications()
    await idle._publish_positions()


@pytest.mark.usefixtures("no_notifications")
async def test_without_notifications_an_event_is_at_most_one_and_a_half_seconds_late(
    start_server: StartServer, alice: ApiUser, worker: Worker
) -> None:
    with start_server() as server:
        async with open_reader(server, alice.token) as reader:
            await snapshot(reader)
            await worker.enqueue(alice.id)
            started = time.monotonic()
            await reader.until("job.status", status="queued")
            lease = await worker.claim()
            await reader.until("job.status", status="running")
            await worker.publish(lease)
            await reader.until("job.output")
            assert time.monotonic() - started < 3 * 1.5


@pytest.mark.usefixtures("no_notifications")
async def test_a_poll_finds_jobs_that_started_and_ended_since_the_last_one(
    start_server: StartServer, alice: ApiUser, worker: Worker
) -> None:
    with start_server() as server:
        async with open_reader(server, alice.token) as reader:
            await snapshot(reader)
            await worker.enqueue(alice.id)
            await worker.publish(await worker.claim())
            await reader.until("job.output", seconds=1.5)


@pytest.mark.usefixtures("no_notifications")
async def test_a_poll_finds_the_end_of_a_job_that_is_not_among_the_newest(
    start_server: StartServer, alice: ApiUser, worker: Worker
) -> None:
    with start_server() as server:
        async with open_reader(server, alice.token) as reader:
            await snapshot(reader)
            older, newer = [await worker.enqueue(alice.id) for _ in range(2)]
            while (await reader.until("job.status"))["job_id"] != str(newer.id):
                pass
            await worker.publish(await worker.claim())
            assert (await reader.until("job.output", seconds=1.5))["job_id"] == str(older.id)


async def test_a_notification_is_published_without_waiting_for_the_poll(
    start_server: StartServer, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "POLL_SECONDS", 60.0)
    with start_server() as server:
        async with open_reader(server, alice.token) as reader:
            await snapshot(reader)
            await worker.enqueue(alice.id)
            await reader.until("job.status", seconds=5)


async def test_events_continue_after_the_listening_connection_was_terminated(
    server: Server, alice: ApiUser, worker: Worker, gateway: Gateway
) -> None:
    async with open_reader(server, alice.token) as reader:
        await snapshot(reader)
        async with gateway.sessions.begin() as session:
            terminated = await session.scalars(text(TERMINATE_LISTENER))
            assert list(terminated)
        await worker.enqueue(alice.id)
        await reader.until("job.status", seconds=1.5, status="queued")


async def test_the_feed_of_a_closed_connection_is_released(server: Server, alice: ApiUser) -> None:
    feeds = server.app.state.hub._feeds
    async with open_reader(server, alice.token) as reader:
        await snapshot(reader)
        assert alice.id in feeds
    assert await eventually(lambda: alice.id not in feeds)


async def test_while_notifications_arrive_only_a_few_readers_are_polled(
    start_server: StartServer, alice: ApiUser, bob: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled: list[int] = []
    original = changes.versions

    async def versions(direct: Direct, owner_ids: Any, *arguments: Any, **options: Any) -> Any:
        polled.append(len(list(owner_ids)))
        return await original(direct, owner_ids, *arguments, **options)

    monkeypatch.setattr(changes, "versions", versions)
    monkeypatch.setattr(hub, "PROBE_SECONDS", 0.1)
    with start_server() as server:
        async with open_reader(server, alice.token) as one, open_reader(server, bob.token) as two:
            await snapshot(one)
            await snapshot(two)
            await asyncio.sleep(0.5)
            polled.clear()
            await asyncio.sleep(1.0)
            assert polled
            assert max(polled) == 1


async def test_a_change_that_could_not_be_read_is_read_again(
    start_server: StartServer, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, failures = changes.jobs, 1

    async def fail_once(direct: Direct, ids: Any) -> Any:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise ConnectionError
        return await original(direct, ids)

    monkeypatch.setattr(changes, "jobs", fail_once)
    monkeypatch.setattr(hub, "PROBE_SECONDS", 60.0)
    with start_server() as server:
        async with open_reader(server, alice.token) as reader:
            await snapshot(reader)
            await worker.enqueue(alice.id)
            await reader.until("job.status", seconds=5)


async def test_queue_positions_are_read_again_only_after_the_queue_has_moved(
    start_server: StartServer, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[float] = []
    original = hub.queue_positions

    async def queue_positions(*arguments: Any) -> Any:
        reads.append(time.monotonic())
        return await original(*arguments)

    monkeypatch.setattr(hub, "queue_positions", queue_positions)
    monkeypatch.setattr(hub, "POSITION_SECONDS", 0.1)
    with start_server() as server:
        async with open_reader(server, alice.token) as reader:
            await worker.enqueue(alice.id)
            last = await worker.enqueue(alice.id)
            await snapshot(reader)
            await asyncio.sleep(1.0)
            reads.clear()
            await asyncio.sleep(0.5)
            assert reads == []
            lease = await worker.claim()
            await reader.until("queue.position", queue_position=1)
            assert lease.job_id != last.id
