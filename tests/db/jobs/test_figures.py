"""The figures of the queue: right in a small queue, and lower bounds in a large one."""

from datetime import UTC, datetime, timedelta

import pytest

from db.jobs import figures
from db.jobs.figures import Count, Hour
from db.tables import Status
from tests.conftest import MakeUser
from tests.db.conftest import Call, Life


async def test_an_empty_queue(call: Call) -> None:
    queue = (await call(figures.overview)).queue
    assert queue == figures.Queue(Count(0, False), Count(0, False), Count(0, False), None)
    hours = (await call(figures.overview)).hours
    assert len(hours) == 24
    assert all(figures.total(hours, status) == Count(0, False) for status in figures.ENDED)
    assert (await call(figures.overview)).medians == figures.Medians(None, None, 0)


async def test_waiting_and_running_jobs_and_their_users(life: Life, call: Call, make_user: MakeUser) -> None:
    await life.running()
    oldest = await life.queued()
    await life.queued()
    paused = await life.queued(await make_user())
    await life.queued(await make_user())
    await life.change(oldest.id, "created_at = now() - interval '90 seconds', available_at = now()")
    await life.change(paused.id, "available_at = now() + interval '1 hour'")
    queue = (await call(figures.overview)).queue
    assert (queue.waiting, queue.running) == (Count(4, False), Count(1, False))
    assert queue.users == Count(3, False), "the user whose only job pauses waits too"
    assert queue.oldest_seconds == pytest.approx(90, abs=5)


async def test_counts_end_at_their_limit(life: Life, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MAX_COUNT", 2)
    for _ in range(2):
        await life.queued()
    assert (await call(figures.overview)).queue.waiting == Count(2, False)
    await life.queued()
    assert (await call(figures.overview)).queue.waiting == Count(2, True)


async def test_ended_jobs_by_hour_and_state(life: Life, call: Call) -> None:
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    await life.succeeded()
    earlier, failed, old = await life.succeeded(), await life.failed(), await life.succeeded()
    await life.canceled()
    await life.change(earlier.job_id, f"finished_at = '{this_hour - timedelta(minutes=1)}'")
    await life.change(failed.job_id, f"finished_at = '{this_hour - timedelta(hours=23)}'")
    await life.change(old.job_id, f"finished_at = '{this_hour - timedelta(hours=24)}'")
    hours: list[Hour] = (await call(figures.overview)).hours
    assert [hour.hour for hour in hours] == [this_hour - timedelta(hours=n) for n in reversed(range(24))]
    ended = {hour.hour: {str(status): count.count for status, count in hour.ended.items()} for hour in hours}
    assert ended[this_hour] == {"succeeded": 1, "failed": 0, "canceled": 1}
    assert ended[this_hour - timedelta(hours=1)] == {"succeeded": 1, "failed": 0, "canceled": 0}
    assert ended[this_hour - timedelta(hours=23)] == {"succeeded": 0, "failed": 1, "canceled": 0}
    assert figures.total(hours, Status.SUCCEEDED) == Count(2, False), "not the one of a day ago"


async def test_the_count_of_an_hour_ends_at_its_limit(life: Life, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MAX_PER_HOUR", 1)
    await life.failed()
    assert figures.total((await call(figures.overview)).hours, Status.FAILED) == Count(1, False)
    await life.failed()
    assert figures.total((await call(figures.overview)).hours, Status.FAILED) == Count(1, True)


async def test_medians_of_the_last_succeeded_jobs(life: Life, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "SAMPLES", 3)
    for wait, run, ago in ((500, 500, 60), (10, 40, 50), (20, 30, 40), (90, 20, 30)):
        lease = await life.succeeded()
        finished = f"now() - interval '{ago} minutes'"
        started = f"{finished} - interval '{run} seconds'"
        created = f"{started} - interval '{wait} seconds'"
        await life.change(lease.job_id, f"finished_at = {finished}, started_at = {started}, created_at = {created}")
    await life.failed()
    medians = (await call(figures.overview)).medians
    assert (medians.wait_seconds, medians.run_seconds, medians.jobs) == (20.0, 30.0, 3)
