"""What the event hub reads: changed jobs, and the columns of the others that show whether they changed."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from db.direct import Direct
from db.jobs import changes, trash
from db.listen import listen
from tests.conftest import MakeUser
from tests.db.conftest import Life


@pytest.fixture
async def direct(database_url: str) -> AsyncIterator[Direct]:
    direct = Direct(database_url, size=1)
    yield direct
    await direct.close()


async def test_jobs(life: Life, direct: Direct) -> None:
    job = await life.queued()
    (read,) = await changes.jobs(direct, [job.id, UUID(int=1)])
    assert (read.id, read.progress, read.revision) == (job.id, {"value": 0}, 1)


async def test_a_succeeded_job_names_its_video(life: Life, direct: Direct) -> None:
    """For the `job.status` event."""
    lease = await life.succeeded()
    (read,) = await changes.jobs(direct, [lease.job_id])
    assert read.video_id is not None
    assert read.video_id == (await life.seen(lease.job_id)).video_id


async def test_versions_of_open_newest_and_named_jobs(life: Life, make_user: MakeUser, direct: Direct) -> None:
    running = await life.running()
    ended = [await life.succeeded() for _ in range(3)]
    queued = await life.queued()
    foreign = await life.queued(await make_user())

    async def ids(owners: list[UUID], named: list[UUID], newest: int) -> set[UUID]:
        return {version.id for version in await changes.versions(direct, owners, named, newest=newest)}

    opened = {running.job_id, queued.id}
    assert await ids([life.owner], [], 0) == opened
    assert await ids([life.owner], [], 2) == {*opened, ended[2].job_id}
    assert await ids([life.owner], [ended[0].job_id, foreign.id], 0) == {*opened, ended[0].job_id, foreign.id}
    assert await ids([], [], 5) == set()
    (version,) = await changes.versions(direct, [], [running.job_id], newest=0)
    job = await life.seen(running.job_id)
    assert version == changes.Version(job.id, job.owner_id, "running", job.revision, job.updated_at)


async def test_a_probe_returns(database_url: str, direct: Direct) -> None:
    hub = uuid4()
    received = listen(database_url)
    assert (await anext(received))["type"] == "reconnected"
    await changes.probe(direct, hub)
    async with asyncio.timeout(5):
        probe = await anext(received)
    assert probe == {"type": "probe", "job_id": str(hub), "owner_id": str(UUID(int=0)), "revision": 0}
    await received.aclose()  # type: ignore[attr-defined]


async def test_the_newest_of_each_user(life: Life, make_user: MakeUser, direct: Direct) -> None:
    other = await make_user()
    mine = [await life.canceled() for _ in range(3)]
    theirs = await life.running(owner=other)
    assert await life.call(trash.move_to_trash, mine[2].id, owner_id=life.owner)
    found = await changes.versions(direct, [life.owner, other], [], newest=1)
    assert {version.id for version in found} == {theirs.job_id, mine[2].id}
    assert await changes.versions(direct, [await make_user()], [], newest=1) == []
