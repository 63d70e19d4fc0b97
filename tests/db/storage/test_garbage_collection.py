"""Garbage collection deletes what has expired, and nothing that is still needed."""

import asyncio
import inspect
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from db import (
    dispatchers,
    login_sessions,
    mails,
    one_time_tokens,
    rate_limits,
    refresh_tokens,
    webhook_queue,
)
from db.jobs import leases, trash
from db.jobs import queries as jobs
from db.jobs.leases import Lease
from db.storage import garbage_collection
from db.storage.local import LocalStorage
from db.tables import Artifact
from tests.conftest import Sessions
from tests.db.conftest import QUOTAS, Call, Life, base


@pytest.fixture
def put(storage: LocalStorage) -> Any:
    """A function that stores an object of a given age, in seconds."""

    async def run(key: str, age: float = 7200) -> str:
        await storage.put(key, b"x", "image/webp")
        modified_at = time.time() - age
        os.utime(storage.path(key), (modified_at, modified_at))
        return key

    return run


async def keys(storage: LocalStorage) -> list[str]:
    return [found.key for found in await storage.list("")]


async def test_orphans_are_deleted_and_objects_with_a_row_are_kept(
    life: Life, sessions: Sessions, storage: LocalStorage, put: Any
) -> None:
    done, running, failed = await life.succeeded(), await life.running(), await life.failed()
    previewed = await life.running()
    await life.call(leases.progress, previewed, progress={"value": 0}, eta_seconds=None, preview_key="previews/p.webp")
    needed = [
        await put(f"jobs/{done.job_id}/1/video.mp4"),
        await put(f"jobs/{running.job_id}/1/piece.mp4"),
        await put("previews/p.webp"),
        await put(f"previews/{running.job_id}.webp"),
        await put(f"jobs/{failed.job_id}/1/fresh.mp4", age=10),
    ]
    await life.keep_base(running)
    needed.append(await put(base(running)["key"]))
    for orphan in (f"jobs/{failed.job_id}/1/video.mp4", f"jobs/{done.job_id}/2/video.mp4", "previews/gone.webp"):
        await put(orphan)
    assert await garbage_collection.orphans(sessions, storage, grace_seconds=3600) == 3
    assert await keys(storage) == sorted(needed)
    assert await garbage_collection.orphans(sessions, storage, grace_seconds=3600) == 0


async def test_orphans_are_deleted_in_batches(sessions: Sessions, storage: LocalStorage, put: Any) -> None:
    for n in range(5):
        await put(f"jobs/x/1/{n}.mp4")
    assert [await garbage_collection.orphans(sessions, storage, limit=3) for _ in range(3)] == [3, 2, 0]


async def test_a_full_batch_looks_up_no_more_keys(
    sessions: Sessions, storage: LocalStorage, put: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, lookups = garbage_collection.known_keys, []

    async def known_keys(session: Any, keys: Any) -> set[str]:
        lookups.append(len(keys))
        return await original(session, keys)

    monkeypatch.setattr(garbage_collection, "known_keys", known_keys)
    monkeypatch.setattr(garbage_collection, "_CHUNK", 2)
    for n in range(6):
        await put(f"jobs/x/1/{n}.mp4")
    assert await garbage_collection.orphans(sessions, storage, limit=2) == 2
    assert lookups == [2]


@pytest.mark.parametrize(
    ("collect", "default"),
    [
        (garbage_collection.orphans, garbage_collection.BATCH),
        (garbage_collection.expired_bases, garbage_collection.BATCH),
        (garbage_collection.ended_previews, garbage_collection.BATCH),
        (trash.purge, inspect.Parameter.empty),
        (trash.purge_never_started, inspect.Parameter.empty),
        (refresh_tokens.purge, inspect.Parameter.empty),
        (login_sessions.purge, inspect.Parameter.empty),
        (one_time_tokens.purge, inspect.Parameter.empty),
        (rate_limits.purge, inspect.Parameter.empty),
        (mails.purge, inspect.Parameter.empty),
        (dispatchers.purge, inspect.Parameter.empty),
        (webhook_queue.purge, inspect.Parameter.empty),
    ],
)
def test_every_batch_has_a_limit(collect: Callable[..., Any], default: object) -> None:
    """The caller repeats a step that deleted as many as its limit, so each step takes the limit as a keyword."""
    limit = inspect.signature(collect).parameters["limit"]
    assert (limit.kind, limit.default) == (inspect.Parameter.KEYWORD_ONLY, default)


async def kept(life: Life, put: Any) -> Lease:
    lease = await life.running()
    await life.keep_base(lease)
    await put(base(lease)["key"])
    return lease


async def expire(sessions: Sessions, when: str = "now()") -> None:
    async with sessions() as session, session.begin():
        await session.execute(update(Artifact).where(Artifact.kind == "base").values(expires_at=text(when)))


async def test_expired_base_clips_are_deleted(life: Life, sessions: Sessions, storage: LocalStorage, put: Any) -> None:
    lease = await kept(life, put)
    await life.fail(lease, retry=False)
    assert await garbage_collection.expired_bases(sessions, storage) == 0
    await expire(sessions)
    assert await garbage_collection.expired_bases(sessions, storage) == 1
    assert await keys(storage) == []
    assert (await life.seen(lease.job_id)).base is None
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Artifact)) == 0


async def test_a_base_clip_is_kept_while_a_retry_needs_it(
    life: Life, call: Call, sessions: Sessions, storage: LocalStorage, put: Any
) -> None:
    lease = await kept(life, put)
    await life.fail(lease, retry=False)
    again = (await call(jobs.retry, lease.job_id, owner_id=life.owner, quotas=QUOTAS)).job
    await expire(sessions)
    assert await garbage_collection.expired_bases(sessions, storage) == 0
    assert (await life.seen(again.id)).base == base(lease)
    await call(jobs.request_cancel, again.id, owner_id=life.owner)
    assert await garbage_collection.expired_bases(sessions, storage) == 1


async def test_a_base_clip_in_use_does_not_fill_the_batch(
    life: Life, call: Call, sessions: Sessions, storage: LocalStorage, put: Any
) -> None:
    needed, unused = await kept(life, put), await kept(life, put)
    for lease in (needed, unused):
        await life.fail(lease, retry=False)
    await call(jobs.retry, needed.job_id, owner_id=life.owner, quotas=QUOTAS)
    await expire(sessions)
    async with sessions.begin() as session:
        first = update(Artifact).where(Artifact.job_id == needed.job_id)
        await session.execute(first.values(expires_at=text("now() - interval '1 day'")))
    assert await garbage_collection.expired_bases(sessions, storage, limit=1) == 1
    assert await keys(storage) == [base(needed)["key"]]


async def test_an_uncommitted_retry_keeps_the_base_clip(
    life: Life, sessions: Sessions, storage: LocalStorage, put: Any
) -> None:
    lease = await kept(life, put)
    await life.fail(lease, retry=False)
    await expire(sessions, "now() + interval '0.3 seconds'")
    async with sessions() as session:
        again = await jobs.retry(session, lease.job_id, owner_id=life.owner, quotas=QUOTAS)
        assert again
        assert again.job.base == base(lease)
        await asyncio.sleep(0.4)
        assert await garbage_collection.expired_bases(sessions, storage) == 0
        await session.commit()
    assert await garbage_collection.expired_bases(sessions, storage) == 0


async def test_previews_of_ended_jobs_are_deleted(
    life: Life, sessions: Sessions, storage: LocalStorage, put: Any
) -> None:
    lease = await life.running()
    key = await put(f"previews/{lease.job_id}.webp")
    await life.call(leases.progress, lease, progress={"value": 0.1}, eta_seconds=None, preview_key=key)
    assert await garbage_collection.ended_previews(sessions, storage, grace_seconds=0) == 0
    await life.fail(lease, retry=False)
    assert await garbage_collection.ended_previews(sessions, storage, grace_seconds=60) == 0
    assert await garbage_collection.ended_previews(sessions, storage, grace_seconds=0) == 1
    assert await keys(storage) == []
    assert (await life.seen(lease.job_id)).preview_key is None
