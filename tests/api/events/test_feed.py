"""Feeds without a database: rows in, events out."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.events import feed as feeds
from api.events.feed import Feed, JobEvent, PositionEvent, SlowReader
from db.tables import Job

OWNER = uuid4()
JOB = uuid4()
SNAPSHOT_AT = datetime(2026, 11, 1, tzinfo=UTC)
BEFORE, AFTER = SNAPSHOT_AT - timedelta(days=700), SNAPSHOT_AT + timedelta(seconds=1)


def row(revision: int, status: str = "running", job_id: UUID = JOB, **columns: Any) -> Job:
    values = {"attempt": 1, "progress": {"value": 0.0}, "preview_key": None, "cancel_requested_at": None} | columns
    return Job(id=job_id, owner_id=OWNER, status=status, revision=revision, **values)


async def next_events(feed: Feed, seconds: float = 2) -> list[JobEvent]:
    return await asyncio.wait_for(feed.next(), seconds)


async def next_types(feed: Feed, seconds: float = 2) -> list[str]:
    return [event.type for event in await next_events(feed, seconds)]


async def is_empty(feed: Feed) -> bool:
    try:
        await next_events(feed, 0.05)
    except TimeoutError:
        return True
    return False


async def test_an_old_row_is_never_sent_after_a_newer_one() -> None:
    feed = Feed(OWNER)
    feed.offer(row(5))
    feed.offer(row(4, "queued"))
    (event,) = await next_events(feed)
    assert event.job.revision == 5
    for revision in (3, 4, 5):
        feed.offer(row(revision, "queued"))
    assert await is_empty(feed)


async def test_an_old_row_after_a_terminal_state_is_ignored() -> None:
    feed = Feed(OWNER)
    feed.offer(row(6, "failed"))
    await next_types(feed)
    feed.offer(row(5))
    assert await is_empty(feed)


async def test_changes_between_two_reads_coalesce() -> None:
    feed = Feed(OWNER)
    for revision, status in enumerate(["queued", "running", "succeeded"]):
        feed.offer(row(revision, status))
    assert await next_types(feed) == ["job.status", "job.output"]
    assert await is_empty(feed)


async def test_progress_is_rate_limited_and_a_status_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "PROGRESS_SECONDS", 0.2)
    feed = Feed(OWNER)
    feed.offer(row(1))
    await next_types(feed)
    feed.offer(row(2, progress={"value": 0.1}))
    assert await is_empty(feed)
    feed.offer(row(3, progress={"value": 0.2}))
    (event,) = await next_events(feed)
    assert (event.type, event.job.progress) == ("job.progress", {"value": 0.2})
    feed.offer(row(4, "failed"))
    assert await next_types(feed, 0.1) == ["job.status"]


async def test_only_rows_newer_than_the_snapshot_are_sent_after_it() -> None:
    feed = Feed(OWNER)
    feed.offer(row(2))
    feed.offer(row(9, "failed", job_id=(other := uuid4())))
    feed.start([row(3), row(8, job_id=other)], {}, SNAPSHOT_AT)
    events = await next_events(feed)
    assert [(event.job.id, event.job.revision) for event in events] == [(other, 9)]
    assert await is_empty(feed)


async def test_a_new_attempt_is_a_status_event() -> None:
    feed = Feed(OWNER)
    feed.start([row(1)], {}, SNAPSHOT_AT)
    feed.offer(row(4, attempt=2))
    assert await next_types(feed) == ["job.status"]


async def test_a_preview_event_follows_each_progress_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "PROGRESS_SECONDS", 0.0)
    feed = Feed(OWNER)
    feed.start([row(1)], {}, SNAPSHOT_AT)
    feed.offer(row(2, progress={"value": 0.1}, preview_key="p"))
    assert await next_types(feed) == ["job.progress", "job.preview"]
    feed.offer(row(3, progress={"value": 0.2}, preview_key="p"))
    assert await next_types(feed) == ["job.progress", "job.preview"]
    feed.offer(row(4, progress={"value": 0.2}, preview_key="q"))
    assert await next_types(feed) == ["job.preview"]


async def test_a_terminal_job_has_no_preview_event() -> None:
    feed = Feed(OWNER)
    feed.offer(row(2, "failed", preview_key="p"))
    assert await next_types(feed) == ["job.status"]


async def test_a_cancellation_that_arrives_together_with_a_row_is_not_lost() -> None:
    feed = Feed(OWNER)
    feed.offer(row(1))
    await next_types(feed)
    feed.offer(row(2, progress={"value": 0.1}))
    reading = asyncio.create_task(feed.next())
    await asyncio.sleep(0)
    feed.offer(row(3, progress={"value": 0.2}))
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(reading), 1)


async def test_a_feed_of_one_job_ignores_other_jobs() -> None:
    feed = Feed(OWNER, JOB)
    feed.offer(row(1, job_id=uuid4()))
    assert await is_empty(feed)


async def test_a_queue_position_is_sent_when_it_changed() -> None:
    feed = Feed(OWNER)
    feed.start([row(1, "queued")], {JOB: 3}, SNAPSHOT_AT)
    feed.offer_positions({JOB: 3})
    assert await is_empty(feed)
    feed.offer_positions({JOB: 2, uuid4(): 1})
    (event,) = await next_events(feed)
    assert (event.type, event.queue_position) == ("queue.position", 2)


async def test_a_running_job_has_no_queue_position() -> None:
    feed = Feed(OWNER)
    feed.start([row(1, "queued")], {JOB: 3}, SNAPSHOT_AT)
    feed.offer(row(2))
    (event,) = await next_events(feed)
    assert (event.type, event.job.status, event.queue_position) == ("job.status", "running", None)
    feed.offer_positions({JOB: 2})  # read before the job was claimed
    assert await is_empty(feed)


async def test_a_move_to_or_from_the_trash_is_only_a_status_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "PROGRESS_SECONDS", 0.0)
    feed = Feed(OWNER)
    feed.start([row(5, "succeeded", finished_at=BEFORE)], {}, SNAPSHOT_AT)
    for revision, trashed_at in ((6, AFTER), (7, None)):
        feed.offer(row(revision, "succeeded", finished_at=BEFORE, trashed_at=trashed_at, updated_at=AFTER))
        (event,) = await next_events(feed, 0.2)
        assert (event.type, event.job.trashed_at) == ("job.status", trashed_at)
    # Trashed and restored between two reads.
    feed.offer(row(9, "succeeded", finished_at=BEFORE, updated_at=AFTER))
    assert await is_empty(feed)


async def test_old_terminal_jobs_outside_of_the_snapshot_are_not_sent() -> None:
    feed = Feed(OWNER)
    feed.start([], {}, SNAPSHOT_AT)
    feed.offer(row(5, "succeeded", finished_at=BEFORE, updated_at=BEFORE))
    assert await is_empty(feed)
    feed.offer(row(6, "succeeded", finished_at=BEFORE, updated_at=AFTER, trashed_at=AFTER))
    assert await next_types(feed) == ["job.status"]
    feed.offer(row(7, "succeeded", finished_at=BEFORE, updated_at=AFTER))
    assert await next_types(feed) == ["job.status"]
    # A job that started and succeeded between two polls.
    feed.offer(row(1, "succeeded", job_id=uuid4(), finished_at=AFTER, updated_at=AFTER))
    assert await next_types(feed) == ["job.status", "job.output"]


async def test_open_jobs_outside_of_the_snapshot_are_sent_whatever_their_age() -> None:
    feed = Feed(OWNER)
    feed.start([], {}, SNAPSHOT_AT)
    feed.offer(row(1, "queued", updated_at=BEFORE))
    assert await next_types(feed) == ["job.status"]


async def test_too_many_unsent_jobs_raise_slow_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MAX_PENDING", 3)
    feed = Feed(OWNER)
    for _ in range(4):
        feed.offer(row(1, job_id=uuid4()))
    with pytest.raises(SlowReader):
        await feed.next()


async def test_the_row_and_progress_of_a_terminal_job_are_released() -> None:
    feed = Feed(OWNER)
    feed.offer(row(1))
    assert feed.open_ids() == [JOB]
    feed.offer(row(2, "succeeded", progress={"value": 1, "stages": ["long"] * 9}))
    await next_types(feed)
    assert feed.open_ids() == []
    assert feed._rows == {}
    assert feed._sent[JOB].progress is None


async def test_the_rows_of_open_jobs_are_released_when_they_are_sent() -> None:
    feed = Feed(OWNER)
    feed.start([row(1, "queued"), row(1, job_id=(other := uuid4()))], {JOB: 1}, SNAPSHOT_AT)
    feed.offer(row(2, "queued", attempt=2))
    assert [event.job.revision for event in await next_events(feed)] == [2]
    assert feed._rows == {}
    assert (set(feed.open_ids()), feed.has_queued()) == ({JOB, other}, True)
    feed.offer_positions({JOB: 4})
    (event,) = await next_events(feed)
    assert event == PositionEvent(JOB, 2, 4)
