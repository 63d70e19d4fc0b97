"""A dispatcher against a real database and in-process stages."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from db import dispatchers
from db.jobs import leases
from db.storage import figures
from db.storage.local import LocalStorage
from db.tables import Job, Json
from pipeline.contract.errors import StageLost
from pipeline.contract.version import VERSION
from pipeline.worker import dispatcher as dispatching
from pipeline.worker.attempt import ClusterLost
from pipeline.worker.dispatcher import Dispatcher
from tests.conftest import Sessions
from tests.pipeline.worker.conftest import SETTINGS, InProcessCluster, Queue

Running = Callable[..., contextlib.AbstractAsyncContextManager[asyncio.Event]]


@pytest.fixture
def dispatcher(database_url: str, sessions: Sessions, storage: LocalStorage, cluster: InProcessCluster) -> Running:
    """Runs a dispatcher; the value is its stop event. It has ended when the block is left."""

    @contextlib.asynccontextmanager
    async def run(owner: str = "dispatcher", **settings: Any) -> AsyncIterator[asyncio.Event]:
        stop = asyncio.Event()
        made = Dispatcher(
            owner=owner,
            sessions=sessions,
            storage=storage,
            cluster=cluster,
            settings=SETTINGS.model_copy(update=settings),
            database_url=database_url,
        )
        task = asyncio.create_task(made.run(stop))
        try:
            yield stop
        finally:
            stop.set()
            async with asyncio.timeout(10):
                await task

    return run


async def test_queued_jobs_are_claimed_and_published(dispatcher: Running, queue: Queue) -> None:
    first = await queue.submit()
    async with dispatcher():
        await queue.until(first, "succeeded")
        second = await queue.submit()
        await queue.until(second, "succeeded")


async def test_an_enqueued_notification_starts_a_job_before_the_next_poll(dispatcher: Running, queue: Queue) -> None:
    async with dispatcher(poll_seconds=60):
        await asyncio.sleep(0.5)
        await queue.until(await queue.submit(), "succeeded", seconds=5)


async def test_no_more_jobs_run_than_the_setting_allows(
    dispatcher: Running, queue: Queue, cluster: InProcessCluster
) -> None:
    cluster.release.clear()
    submitted = [await queue.submit() for _ in range(4)]
    async with dispatcher(dispatcher_jobs=2, running_per_user=10):
        for job_id in submitted[:2]:
            await queue.until(job_id, "running")
        await asyncio.sleep(0.3)
        rows = [(await queue.row(job_id)).status for job_id in submitted]
        assert sorted(rows) == ["queued", "queued", "running", "running"]
        cluster.release.set()
        for job_id in submitted:
            await queue.until(job_id, "succeeded")


async def test_a_cancel_notification_stops_a_job_before_the_next_beat(
    dispatcher: Running, queue: Queue, cluster: InProcessCluster
) -> None:
    cluster.release.clear()
    job_id = await queue.submit()
    async with dispatcher(beat_seconds=30, lease_seconds=60):
        await queue.until(job_id, "running")
        await cluster.started.wait()
        await queue.cancel(job_id)
        await queue.until(job_id, "canceled", seconds=5)


async def test_stopping_gives_running_jobs_back(dispatcher: Running, queue: Queue, cluster: InProcessCluster) -> None:
    cluster.release.clear()
    job_id = await queue.submit()
    async with dispatcher():
        await queue.until(job_id, "running")
        await cluster.started.wait()
    job = await queue.row(job_id)
    assert (job.status, job.failures, job.losses) == ("queued", 0, 0)


async def test_an_expired_lease_is_rescued_and_rendered(dispatcher: Running, queue: Queue) -> None:
    job_id = await queue.submit()
    await queue.claim("a worker that died")
    await queue.execute("UPDATE jobs SET lease_expires_at = now() - interval '1 s'")
    async with dispatcher():
        job = await queue.until(job_id, "succeeded")
    assert (job.attempt, job.losses) == (2, 1)


async def test_a_lost_cluster_ends_the_dispatcher(
    database_url: str, sessions: Sessions, storage: LocalStorage, cluster: InProcessCluster, queue: Queue
) -> None:
    cluster.errors, cluster.alive = [StageLost("generate")], False
    job_id = await queue.submit()
    made = Dispatcher(
        owner="d", sessions=sessions, storage=storage, cluster=cluster, settings=SETTINGS, database_url=database_url
    )
    async with asyncio.timeout(10):
        with pytest.raises(ClusterLost):
            await made.run(asyncio.Event())
    assert (await queue.row(job_id)).status == "queued"


async def test_a_job_of_a_claim_that_is_canceled_during_its_commit_is_given_back(
    monkeypatch: pytest.MonkeyPatch, database_url: str, sessions: Sessions, storage: LocalStorage,
    cluster: InProcessCluster, queue: Queue,
) -> None:  # fmt: skip
    stop = asyncio.Event()

    async def claim_and_wait(_: AsyncSession, **values: Any) -> Job | None:
        async with sessions.begin() as committed:
            job = await claim(committed, **values)
        stop.set()
        await asyncio.sleep(60)
        return job

    claim = leases.claim
    monkeypatch.setattr(leases, "claim", claim_and_wait)
    job_id = await queue.submit()
    made = Dispatcher(
        owner="d", sessions=sessions, storage=storage, cluster=cluster, settings=SETTINGS, database_url=database_url
    )
    await asyncio.wait_for(made.run(stop), 10)
    job = await queue.row(job_id)
    assert (job.status, job.losses, job.failures) == ("queued", 0, 0)


async def test_a_dispatcher_is_listed_while_it_runs(
    database_url: str, sessions: Sessions, storage: LocalStorage, cluster: InProcessCluster
) -> None:
    replicas = {"generate": {"running": 1}}

    async def count_replicas() -> Json:
        return replicas

    async def listed() -> list[tuple[str, str, int, Json, bool]]:
        async with sessions() as session:
            rows = await dispatchers.listed(session)
        of = [row.dispatcher for row in rows]
        return [(row.owner, row.version, row.jobs, row.replicas, seen.lost) for row, seen in zip(of, rows, strict=True)]

    made = Dispatcher(
        owner="d", sessions=sessions, storage=storage, cluster=cluster, settings=SETTINGS, database_url=database_url,
        replicas=count_replicas,
    )  # fmt: skip
    stop = asyncio.Event()
    task = asyncio.create_task(made.run(stop))
    async with asyncio.timeout(10):
        while not await listed():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert await listed() == [("d", VERSION, SETTINGS.dispatcher_jobs, replicas, False)]
        stop.set()
        await task
    assert await listed() == []


async def test_a_dispatcher_stops_although_it_cannot_leave_the_list(
    dispatcher: Running, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(dispatching, "LEAVE_SECONDS", 0.1)
    monkeypatch.setattr(dispatchers, "remove", hang)
    async with dispatcher():
        await asyncio.sleep(0.3)
    async with sessions() as session:
        assert len(await dispatchers.listed(session)) == 1


async def test_the_storage_is_measured_and_a_sweep_recorded(
    dispatcher: Running, queue: Queue, sessions: Sessions
) -> None:
    async def figures_of(name: str) -> Json:
        async with sessions() as session:
            latest = await figures.latest(session)
        return latest[name].figures if name in latest else {}

    await queue.execute(
        "INSERT INTO dispatchers (owner, version, jobs, replicas, seen_at) "
        "VALUES ('old', '', 1, '{}', now() - interval '2 days')"
    )
    async with dispatcher(), asyncio.timeout(10):
        while not (await figures_of(figures.STORED) and await figures_of(figures.COLLECTED)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (await figures_of(figures.STORED))["kinds"] == []
    assert (await figures_of(figures.COLLECTED))["removed"] == {"lost dispatchers": 1}


async def test_a_claim_whose_answer_was_lost_is_found(
    dispatcher: Running, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The COMMIT of the first claim succeeds, but the connection breaks before the answer arrives."""
    claim, lost = leases.claim, 0

    async def claim_then_disconnect(session: Any, **values: Any) -> Any:
        nonlocal lost
        job = await claim(session, **values)
        if job is not None and not lost:
            lost += 1
            await session.commit()
            raise OperationalError("COMMIT", {}, ConnectionResetError("connection lost"))
        return job

    monkeypatch.setattr(leases, "claim", claim_then_disconnect)
    job_id = await queue.submit()
    async with dispatcher():
        job = await queue.until(job_id, "succeeded")
    assert (lost, job.attempt, job.losses) == (1, 1, 0)


async def test_an_error_that_is_not_transient_ends_the_dispatcher(
    database_url: str,
    owner_engine: AsyncEngine,
    sessions: Sessions,
    storage: LocalStorage,
    cluster: InProcessCluster,
    queue: Queue,
) -> None:
    """A statement that is wrong stays wrong: the supervisor reports a process that ends, not one that loops."""
    async with owner_engine.begin() as connection:
        await connection.execute(text("ALTER TABLE stage_rates RENAME TO moved_away"))
    try:
        await queue.submit()
        made = Dispatcher(
            owner="d", sessions=sessions, storage=storage, cluster=cluster, settings=SETTINGS, database_url=database_url
        )
        async with asyncio.timeout(10):
            with pytest.raises(Exception, match="stage_rates"):
                await made.run(asyncio.Event())
    finally:
        async with owner_engine.begin() as connection:
            await connection.execute(text("ALTER TABLE moved_away RENAME TO stage_rates"))
