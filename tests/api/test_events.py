"""What a reader is told, without a database: rows in, changes out."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from api import events
from api.events import Feed, Hub, SlowReader
from db.models import Job

OWNER = uuid4()
JOB = uuid4()
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
BEFORE, AFTER = SINCE - timedelta(days=700), SINCE + timedelta(seconds=1)


def row(revision: int, status: str = "running", job_id: UUID = JOB, **changed: Any) -> Job:
    values = {"attempt": 1, "progress": {"value": 0.0}, "preview_key": None, "cancel_requested_at": None} | changed
    return Job(id=job_id, owner_id=OWNER, status=status, revision=revision, **values)


async def told(feed: Feed) -> list[str]:
    return [change.type for change in await asyncio.wait_for(feed.next(), 2)]


async def silent(feed: Feed) -> bool:
    try:
        await asyncio.wait_for(feed.next(), 0.05)
    except TimeoutError:
        return True
    return False


async def test_an_old_row_never_follows_a_newer_one() -> None:
    feed = Feed(OWNER)
    feed.offer(row(5))
    feed.offer(row(4, "queued"))
    (change,) = await asyncio.wait_for(feed.next(), 2)
    assert change.job.revision == 5
    for revision in (3, 4, 5):
        feed.offer(row(revision, "queued"))
    assert await silent(feed)


async def test_nothing_follows_the_end() -> None:
    feed = Feed(OWNER)
    feed.offer(row(6, "failed"))
    await told(feed)
    feed.offer(row(5))
    assert await silent(feed)


async def test_what_changed_in_between_is_told_once_as_it_is_now() -> None:
    feed = Feed(OWNER)
    for revision, status in enumerate(["queued", "running", "succeeded"]):
        feed.offer(row(revision, status))
    assert await told(feed) == ["job.status", "job.output"]
    assert await silent(feed)


async def test_progress_waits_for_its_turn_and_a_status_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PROGRESS_SECONDS", 0.2)
    feed = Feed(OWNER)
    feed.offer(row(1))
    await told(feed)
    feed.offer(row(2, progress={"value": 0.1}))
    assert await silent(feed)
    feed.offer(row(3, progress={"value": 0.2}))
    (change,) = await asyncio.wait_for(feed.next(), 2)
    assert (change.type, change.job.progress) == ("job.progress", {"value": 0.2})
    feed.offer(row(4, "failed"))
    assert await asyncio.wait_for(told(feed), 0.1) == ["job.status"]


async def test_the_snapshot_hides_what_it_tells_and_nothing_newer() -> None:
    feed = Feed(OWNER)
    feed.offer(row(2))
    feed.offer(row(9, "failed", job_id=(other := uuid4())))
    feed.begin([row(3), row(8, job_id=other)], {}, SINCE)
    changes = await asyncio.wait_for(feed.next(), 2)
    assert [(change.job.id, change.job.revision) for change in changes] == [(other, 9)]
    assert await silent(feed)


async def test_a_new_attempt_is_a_new_status() -> None:
    feed = Feed(OWNER)
    feed.begin([row(1)], {}, SINCE)
    feed.offer(row(4, attempt=2))
    assert await told(feed) == ["job.status"]


async def test_a_preview_is_told_with_each_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PROGRESS_SECONDS", 0.0)
    feed = Feed(OWNER)
    feed.begin([row(1)], {}, SINCE)
    feed.offer(row(2, progress={"value": 0.1}, preview_key="p"))
    assert await told(feed) == ["job.progress", "job.preview"]
    feed.offer(row(3, progress={"value": 0.2}, preview_key="p"))
    assert await told(feed) == ["job.progress", "job.preview"]
    feed.offer(row(4, progress={"value": 0.2}, preview_key="q"))
    assert await told(feed) == ["job.preview"]


async def test_of_an_ended_job_there_is_no_preview() -> None:
    feed = Feed(OWNER)
    feed.offer(row(2, "failed", preview_key="p"))
    assert await told(feed) == ["job.status"]


async def test_only_the_job_that_was_asked_for() -> None:
    feed = Feed(OWNER, only=JOB)
    feed.offer(row(1, job_id=uuid4()))
    assert await silent(feed)


async def test_a_place_is_told_when_it_moved() -> None:
    feed = Feed(OWNER)
    feed.begin([row(1, "queued")], {JOB: 3}, SINCE)
    feed.offer_positions({JOB: 3})
    assert await silent(feed)
    feed.offer_positions({JOB: 2, uuid4(): 1})
    (change,) = await asyncio.wait_for(feed.next(), 2)
    assert (change.type, change.queue_position) == ("queue.position", 2)


async def test_a_job_that_left_the_queue_has_no_place() -> None:
    feed = Feed(OWNER)
    feed.begin([row(1, "queued")], {JOB: 3}, SINCE)
    feed.offer(row(2))
    (change,) = await asyncio.wait_for(feed.next(), 2)
    assert (change.type, change.job.status, change.queue_position) == ("job.status", "running", None)
    feed.offer_positions({JOB: 2})  # read before the job was claimed
    assert await silent(feed)


async def test_the_trash_is_told_as_a_status_and_brings_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PROGRESS_SECONDS", 0.0)
    feed = Feed(OWNER)
    feed.begin([row(5, "succeeded", finished_at=BEFORE)], {}, SINCE)
    for revision, trashed_at in ((6, AFTER), (7, None)):
        feed.offer(row(revision, "succeeded", finished_at=BEFORE, trashed_at=trashed_at, updated_at=AFTER))
        (change,) = await asyncio.wait_for(feed.next(), 0.2)
        assert (change.type, change.job.trashed_at) == ("job.status", trashed_at)
    feed.offer(row(9, "succeeded", finished_at=BEFORE, updated_at=AFTER))  # in the trash and out again, unseen
    assert await silent(feed)


async def test_what_ended_before_the_snapshot_and_was_not_in_it_is_no_news() -> None:
    feed = Feed(OWNER)
    old = {"finished_at": BEFORE, "updated_at": BEFORE}
    feed.begin([], {}, SINCE)
    feed.offer(row(5, "succeeded", **old))
    assert await silent(feed)
    feed.offer(row(6, "succeeded", finished_at=BEFORE, updated_at=AFTER, trashed_at=AFTER))
    assert await told(feed) == ["job.status"]
    feed.offer(row(7, "succeeded", finished_at=BEFORE, updated_at=AFTER))
    assert await told(feed) == ["job.status"]
    feed.offer(row(1, "succeeded", job_id=uuid4(), finished_at=AFTER, updated_at=AFTER))  # came and went unnoticed
    assert await told(feed) == ["job.status", "job.output"]


async def test_what_waits_is_told_however_old() -> None:
    feed = Feed(OWNER)
    feed.begin([], {}, SINCE)
    feed.offer(row(1, "queued", updated_at=BEFORE))
    assert await told(feed) == ["job.status"]


async def test_with_nobody_watching_the_database_is_left_alone() -> None:
    def opened() -> Any:
        raise AssertionError("a session")

    await Hub("postgresql://nowhere/none", opened, 1)._look()  # type: ignore[arg-type]


async def test_who_leaves_too_much_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_PENDING", 3)
    feed = Feed(OWNER)
    for _ in range(4):
        feed.offer(row(1, job_id=uuid4()))
    with pytest.raises(SlowReader):
        await feed.next()


async def test_of_what_ended_little_is_kept() -> None:
    feed = Feed(OWNER)
    feed.offer(row(1))
    assert feed.open_ids() == [JOB]
    feed.offer(row(2, "succeeded", progress={"value": 1, "stages": ["long"] * 9}))
    await told(feed)
    assert feed.open_ids() == []
    assert feed._rows == {}
    assert feed._told[JOB].progress is None
