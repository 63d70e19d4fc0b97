"""The trash: jobs are hidden, can be restored for thirty days, and are then deleted with their objects."""

import asyncio
from contextlib import aclosing
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import NotEnded
from db.jobs import leases, trash
from db.jobs import queries as jobs
from db.jobs.quotas import Quotas
from db.listen import listen
from db.storage import garbage_collection
from db.storage.local import LocalStorage
from db.tables import Job, Video
from db.videos import trash as video_trash
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import LEASE_SECONDS, video

SPEC = {"prompt": "a red circle", "model": "tiny"}
NO_QUOTAS = Quotas(queued_per_user=100, seconds_per_day=None)
CLAIM: dict[str, Any] = {"owner": "w", "running_per_user": 2, "lease_seconds": LEASE_SECONDS}


async def queued(sessions: Sessions, owner: UUID) -> UUID:
    async with sessions.begin() as session:
        made = await jobs.enqueue(session, owner_id=owner, spec=SPEC, seconds=2, quotas=NO_QUOTAS)
        return made.job.id


async def ended(sessions: Sessions, owner: UUID) -> UUID:
    job_id = await queued(sessions, owner)
    async with sessions.begin() as session:
        await jobs.request_cancel(session, job_id, owner_id=owner)
    return job_id


async def listed(sessions: Sessions, owner: UUID, *, trashed: bool) -> list[UUID]:
    async with sessions() as session:
        return [job.id for job in (await jobs.page(session, owner_id=owner, limit=10, trashed=trashed)).data]


async def test_a_trashed_job_is_listed_only_in_the_trash_until_it_is_restored(
    sessions: Sessions, make_user: MakeUser
) -> None:
    owner = await make_user()
    job_id, other = await ended(sessions, owner), await ended(sessions, owner)
    async with sessions.begin() as session:
        trashed = await trash.move_to_trash(session, job_id, owner_id=owner)
    assert trashed is not None
    assert trashed.trashed_at is not None
    assert await listed(sessions, owner, trashed=True) == [job_id]
    assert await listed(sessions, owner, trashed=False) == [other]
    async with sessions.begin() as session:
        restored = await trash.restore(session, job_id, owner_id=owner)
    assert restored is not None
    assert restored.trashed_at is None
    assert await listed(sessions, owner, trashed=True) == []


async def test_a_queued_or_running_job_cannot_be_trashed(sessions: Sessions, make_user: MakeUser) -> None:
    owner = await make_user()
    job_id = await queued(sessions, owner)
    for _ in range(2):
        with pytest.raises(NotEnded):
            async with sessions.begin() as session:
                await trash.move_to_trash(session, job_id, owner_id=owner)
        async with sessions.begin() as session:
            await leases.claim(session, **CLAIM)
    with pytest.raises(IntegrityError, match="trashed_has_ended"):
        async with sessions.begin() as session:
            await session.execute(text("UPDATE jobs SET trashed_at = now()"))


async def test_another_user_can_neither_trash_nor_restore_a_job(sessions: Sessions, make_user: MakeUser) -> None:
    owner, stranger = await make_user(), await make_user()
    job_id = await ended(sessions, owner)
    async with sessions.begin() as session:
        assert await trash.move_to_trash(session, job_id, owner_id=stranger) is None
        assert await trash.restore(session, job_id, owner_id=stranger) is None
    assert await listed(sessions, owner, trashed=True) == []


async def test_trashing_a_job_again_changes_nothing(sessions: Sessions, make_user: MakeUser) -> None:
    owner = await make_user()
    job_id = await ended(sessions, owner)
    seen = []
    for _ in range(2):
        async with sessions.begin() as session:
            job = await trash.move_to_trash(session, job_id, owner_id=owner)
            assert job is not None
            seen.append((job.trashed_at, job.revision))
    assert seen[0] == seen[1]


async def test_a_job_that_ends_during_the_request_is_trashed(
    sessions: Sessions, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await make_user()
    job_id = await queued(sessions, owner)
    async with sessions.begin() as session:
        running = await leases.claim(session, **CLAIM)
        assert running is not None
        lease = leases.lease_of(running)

    async def publish_and_get(session: AsyncSession, job_id: UUID, *, owner_id: UUID) -> Job | None:
        async with sessions.begin() as other:
            await leases.publish(other, lease, resolved={}, warnings=[], artifacts=[video(lease)])
        return await jobs.get(session, job_id, owner_id=owner_id)

    monkeypatch.setattr(trash, "get", publish_and_get)
    async with sessions.begin() as session:
        job = await trash.move_to_trash(session, job_id, owner_id=owner)
    assert job is not None
    assert job.trashed_at is not None
    assert await listed(sessions, owner, trashed=True) == [job_id]


async def test_trash_and_restore_notify_once(sessions: Sessions, make_user: MakeUser, database_url: str) -> None:
    owner = await make_user()
    job_id = await ended(sessions, owner)
    async with aclosing(listen(database_url)) as notifications, asyncio.timeout(10):
        assert (await anext(notifications))["type"] == "reconnected"
        for change in (trash.move_to_trash, trash.move_to_trash, trash.restore, trash.restore):
            async with sessions.begin() as session:
                await change(session, job_id, owner_id=owner)
        events = [await anext(notifications) for _ in range(2)]
        assert [(event["type"], event["job_id"], event["owner_id"]) for event in events] == [
            ("status", str(job_id), str(owner))
        ] * 2
        assert [event["revision"] for event in events] == [3, 4]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(notifications), 0.2)


async def published(sessions: Sessions, owner: UUID, storage: LocalStorage) -> UUID:
    """A succeeded job with one object."""
    job_id = await queued(sessions, owner)
    key = f"jobs/{job_id}/1/video.mp4"
    await storage.put(key, b"frames", "video/mp4")
    file = {
        "kind": "video", "key": key, "content_type": "video/mp4", "width": 64, "height": 64, "fps": 8, "frames": 8,
        "duration": 1, "size_bytes": 6, "sha256": sha256(b"frames").hexdigest(),
    }  # fmt: skip
    async with sessions.begin() as session:
        job = await leases.claim(session, **CLAIM)
        assert job is not None
        assert await leases.publish(session, leases.lease_of(job), resolved={}, warnings=[], artifacts=[file])
    return job_id


async def test_after_thirty_days_the_job_and_its_objects_are_deleted(
    sessions: Sessions, make_user: MakeUser, storage: LocalStorage
) -> None:
    owner = await make_user()
    old, young = [await published(sessions, owner, storage) for _ in range(2)]
    async with sessions.begin() as session:
        for job_id, days in ((old, 31), (young, 29)):
            await trash.move_to_trash(session, job_id, owner_id=owner)
            age = text("UPDATE jobs SET trashed_at = now() - make_interval(days => :days) WHERE id = :id")
            await session.execute(age, {"days": days, "id": job_id})
    async with sessions.begin() as session:
        assert await trash.purge(session, limit=10) == 1
        assert await trash.purge(session, limit=10) == 0
        assert list(await session.scalars(select(Job.id))) == [young]
    assert await garbage_collection.orphans(sessions, storage, grace_seconds=-1) == 0
    async with sessions.begin() as session:
        assert await video_trash.purge(session, limit=10) == 1
        assert await video_trash.purge(session, limit=10) == 0
        assert list(await session.scalars(select(Video.job_id))) == [young]
    assert await garbage_collection.orphans(sessions, storage, grace_seconds=-1) == 1
    assert [found.key for found in await storage.list("jobs/")] == [f"jobs/{young}/1/video.mp4"]
