"""How changes reach a reader: by notification, by poll, and after a reconnect."""

import time
from typing import Any

import pytest
from sqlalchemy import text

from api.dependencies import Gateway
from api.events import hub
from api.events.hub import Hub
from tests.api.conftest import ApiUser, Server, StartServer, Worker
from tests.api.events.reader import eventually, open_reader, snapshot

TERMINATE_LISTENER = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND query LIKE 'LISTEN%'
"""


async def test_without_readers_the_database_is_not_polled() -> None:
    def open_session() -> Any:
        raise AssertionError

    await Hub("postgresql://nowhere/none", open_session, 1)._poll()  # type: ignore[arg-type]


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
