"""The trash: out of sight, but back within thirty days; then gone with everything that belonged to it."""

import asyncio
from contextlib import aclosing
from hashlib import sha256
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from db import jobs, sweep, trash, work
from db.errors import NotEnded
from db.listen import listen
from db.models import Job
from db.storage_local import LocalStorage
from tests.conftest import MakeUser, Sessions

SPEC = {"prompt": "a red circle", "model": "tiny"}
NO_LIMITS = jobs.Limits(queued_per_user=100, seconds_per_day=None)


async def queued(sessions: Sessions, owner: UUID) -> UUID:
    async with sessions.begin() as session:
        made = await jobs.enqueue(session, owner_id=owner, spec=SPEC, seconds=2, limits=NO_LIMITS)
        return made.job.id


async def ended(sessions: Sessions, owner: UUID) -> UUID:
    job_id = await queued(sessions, owner)
    async with sessions.begin() as session:
        await jobs.request_cancel(session, job_id, owner_id=owner)
    return job_id


async def listed(sessions: Sessions, owner: UUID, *, trashed: bool) -> list[UUID]:
    async with sessions() as session:
        return [job.id for job in (await jobs.page(session, owner_id=owner, limit=10, trashed=trashed)).data]


async def test_a_job_in_the_trash_is_seen_there_and_nowhere_else_until_it_is_restored(
    sessions: Sessions, make_user: MakeUser
) -> None:
    owner = await make_user()
    job_id, other = await ended(sessions, owner), await ended(sessions, owner)
    async with sessions.begin() as session:
        thrown = await trash.throw_away(session, job_id, owner_id=owner)
    assert thrown is not None
    assert thrown.trashed_at is not None
    assert await listed(sessions, owner, trashed=True) == [job_id]
    assert await listed(sessions, owner, trashed=False) == [other]
    async with sessions.begin() as session:
        restored = await trash.restore(session, job_id, owner_id=owner)
    assert restored is not None
    assert restored.trashed_at is None
    assert await listed(sessions, owner, trashed=True) == []


async def test_a_job_that_waits_or_runs_cannot_be_thrown_away(sessions: Sessions, make_user: MakeUser) -> None:
    owner = await make_user()
    job_id = await queued(sessions, owner)
    for _ in range(2):
        with pytest.raises(NotEnded):
            async with sessions.begin() as session:
                await trash.throw_away(session, job_id, owner_id=owner)
        async with sessions.begin() as session:
            await work.claim(session, owner="w", running_per_user=2)
    with pytest.raises(IntegrityError, match="trashed_has_ended"):
        async with sessions.begin() as session:
            await session.execute(text("UPDATE jobs SET trashed_at = now()"))


async def test_nobody_else_can_throw_it_away_or_restore_it(sessions: Sessions, make_user: MakeUser) -> None:
    owner, stranger = await make_user(), await make_user()
    job_id = await ended(sessions, owner)
    async with sessions.begin() as session:
        assert await trash.throw_away(session, job_id, owner_id=stranger) is None
        assert await trash.restore(session, job_id, owner_id=stranger) is None
    assert await listed(sessions, owner, trashed=True) == []


async def test_twice_is_once_and_the_days_count_from_the_first_time(sessions: Sessions, make_user: MakeUser) -> None:
    owner = await make_user()
    job_id = await ended(sessions, owner)
    seen = []
    for _ in range(2):
        async with sessions.begin() as session:
            job = await trash.throw_away(session, job_id, owner_id=owner)
            assert job is not None
            seen.append((job.trashed_at, job.revision))
    assert seen[0] == seen[1]


async def test_a_job_that_ends_while_it_is_thrown_away_is_thrown_away(
    sessions: Sessions, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await make_user()
    job_id = await queued(sessions, owner)
    async with sessions.begin() as session:
        running = await work.claim(session, owner="w", running_per_user=2)
        assert running is not None
        lease = work.lease_of(running)

    async def ended_meanwhile(session: AsyncSession, job_id: UUID, *, owner_id: UUID) -> Job | None:
        async with sessions.begin() as other:
            await work.publish(other, lease, resolved={}, warnings=[], artifacts=[])
        return await jobs.get(session, job_id, owner_id=owner_id)

    monkeypatch.setattr(trash, "get", ended_meanwhile)
    async with sessions.begin() as session:
        job = await trash.throw_away(session, job_id, owner_id=owner)
    assert job is not None
    assert job.trashed_at is not None
    assert await listed(sessions, owner, trashed=True) == [job_id]


async def test_both_ways_are_told_once(sessions: Sessions, make_user: MakeUser, database_url: str) -> None:
    owner = await make_user()
    job_id = await ended(sessions, owner)
    async with aclosing(listen(database_url)) as told, asyncio.timeout(10):
        assert (await anext(told))["type"] == "reconnected"
        for move in (trash.throw_away, trash.throw_away, trash.restore, trash.restore):
            async with sessions.begin() as session:
                await move(session, job_id, owner_id=owner)
        events = [await anext(told) for _ in range(2)]
        assert [(event["type"], event["job_id"], event["owner_id"]) for event in events] == [
            ("status", str(job_id), str(owner))
        ] * 2
        assert [event["revision"] for event in events] == [3, 4]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(told), 0.2)


async def published(sessions: Sessions, owner: UUID, storage: LocalStorage) -> UUID:
    """A succeeded job with one object."""
    job_id = await queued(sessions, owner)
    key = f"jobs/{job_id}/1/poster.webp"
    await storage.put(key, b"frames", "image/webp")
    poster = {
        "kind": "poster", "key": key, "content_type": "image/webp", "width": 64, "height": 64, "fps": 0, "frames": 1,
        "duration": 0, "size_bytes": 6, "sha256": sha256(b"frames").hexdigest(),
    }  # fmt: skip
    async with sessions.begin() as session:
        job = await work.claim(session, owner="w", running_per_user=2)
        assert job is not None
        assert await work.publish(session, work.lease_of(job), resolved={}, warnings=[], artifacts=[poster])
    return job_id


async def test_after_thirty_days_the_job_is_purged_and_its_objects_are_swept(
    sessions: Sessions, make_user: MakeUser, storage: LocalStorage
) -> None:
    owner = await make_user()
    old, young = [await published(sessions, owner, storage) for _ in range(2)]
    async with sessions.begin() as session:
        for job_id, days in ((old, 31), (young, 29)):
            await trash.throw_away(session, job_id, owner_id=owner)
            moved = text("UPDATE jobs SET trashed_at = now() - make_interval(days => :days) WHERE id = :id")
            await session.execute(moved, {"days": days, "id": job_id})
    async with sessions.begin() as session:
        assert await trash.purge(session) == 1
        assert await trash.purge(session) == 0
        assert list(await session.scalars(select(Job.id))) == [young]
    assert await sweep.orphans(sessions, storage, grace_seconds=-1) == 1
    assert [found.key for found in await storage.list("jobs/")] == [f"jobs/{young}/1/poster.webp"]
