"""Nothing stays for ever, and nothing that is needed goes."""

import asyncio
import inspect
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from db import jobs, rates, sign_ins, sweep, trash, work
from db.models import Artifact
from db.storage_local import LocalStorage
from db.work import Lease
from tests.conftest import Sessions
from tests.db.conftest import ERROR, LIMITS, Call, Life, base


@pytest.fixture
def put(storage: LocalStorage) -> Any:
    """Puts an object that is some seconds old."""

    async def run(key: str, age: float = 7200) -> str:
        await storage.put(key, b"x", "image/webp")
        then = time.time() - age
        os.utime(storage.path(key), (then, then))
        return key

    return run


async def keys(storage: LocalStorage) -> list[str]:
    return [found.key for found in await storage.list("")]


async def test_orphans_go_and_all_that_has_a_row_stays(
    life: Life, sessions: Sessions, storage: LocalStorage, put: Any
) -> None:
    done, running, failed = await life.succeeded(), await life.running(), await life.failed()
    previewed = await life.running()
    await life.call(work.progress, previewed, progress={"value": 0}, eta_seconds=None, preview_key="previews/p.webp")
    needed = [
        await put(f"jobs/{done.job_id}/1/video.mp4"),
        await put(f"jobs/{running.job_id}/1/piece.mp4"),
        await put("previews/p.webp"),
        await put(f"previews/{running.job_id}.webp"),
        await put(f"jobs/{failed.job_id}/1/fresh.mp4", age=10),
    ]
    await life.call(work.keep_base, running, base(running))
    needed.append(await put(base(running)["key"]))
    for doomed in (f"jobs/{failed.job_id}/1/video.mp4", f"jobs/{done.job_id}/2/video.mp4", "previews/gone.webp"):
        await put(doomed)
    assert await sweep.orphans(sessions, storage, grace_seconds=3600) == 3
    assert await keys(storage) == sorted(needed)
    assert await sweep.orphans(sessions, storage, grace_seconds=3600) == 0


async def test_orphans_go_in_batches(sessions: Sessions, storage: LocalStorage, put: Any) -> None:
    for n in range(5):
        await put(f"jobs/x/1/{n}.mp4")
    assert [await sweep.orphans(sessions, storage, limit=3) for _ in range(3)] == [3, 2, 0]


async def test_a_full_batch_asks_for_no_more(
    sessions: Sessions, storage: LocalStorage, put: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, asked = sweep.known_keys, []

    async def known_keys(session: Any, keys: Any) -> set[str]:
        asked.append(len(keys))
        return await asking(session, keys)

    monkeypatch.setattr(sweep, "known_keys", known_keys)
    monkeypatch.setattr(sweep, "_CHUNK", 2)
    for n in range(6):
        await put(f"jobs/x/1/{n}.mp4")
    assert await sweep.orphans(sessions, storage, limit=2) == 2
    assert asked == [2]


@pytest.mark.parametrize(
    "clean", [sweep.orphans, sweep.expired_bases, sweep.ended_previews, trash.purge, sign_ins.purge]
)
def test_all_have_the_same_batch(clean: Callable[..., Any]) -> None:
    """Whoever calls them loops while as many were removed."""
    assert inspect.signature(clean).parameters["limit"].default == sweep.BATCH


async def kept(life: Life, put: Any) -> Lease:
    lease = await life.running()
    await life.call(work.keep_base, lease, base(lease))
    await put(base(lease)["key"])
    return lease


async def expire(sessions: Sessions, when: str = "now()") -> None:
    async with sessions() as session, session.begin():
        await session.execute(update(Artifact).where(Artifact.kind == "base").values(expires_at=text(when)))


async def test_base_clips_go_when_their_time_is_over(
    life: Life, sessions: Sessions, storage: LocalStorage, put: Any
) -> None:
    lease = await kept(life, put)
    await life.call(work.fail, lease, error=ERROR, retry=False)
    assert await sweep.expired_bases(sessions, storage) == 0
    await expire(sessions)
    assert await sweep.expired_bases(sessions, storage) == 1
    assert await keys(storage) == []
    assert (await life.seen(lease.job_id)).base is None
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Artifact)) == 0


async def test_a_base_clip_stays_while_a_retry_needs_it(
    life: Life, call: Call, sessions: Sessions, storage: LocalStorage, put: Any
) -> None:
    lease = await kept(life, put)
    await life.call(work.fail, lease, error=ERROR, retry=False)
    again = (await call(jobs.retry, lease.job_id, owner_id=life.owner, limits=LIMITS)).job
    await expire(sessions)
    assert await sweep.expired_bases(sessions, storage) == 0
    assert (await life.seen(again.id)).base == base(lease)
    await call(jobs.request_cancel, again.id, owner_id=life.owner)
    assert await sweep.expired_bases(sessions, storage) == 1


async def test_a_base_clip_that_is_needed_does_not_fill_the_batch(
    life: Life, call: Call, sessions: Sessions, storage: LocalStorage, put: Any
) -> None:
    needed, over = await kept(life, put), await kept(life, put)
    for lease in (needed, over):
        await life.call(work.fail, lease, error=ERROR, retry=False)
    await call(jobs.retry, needed.job_id, owner_id=life.owner, limits=LIMITS)
    await expire(sessions)
    async with sessions.begin() as session:
        first = update(Artifact).where(Artifact.job_id == needed.job_id)
        await session.execute(first.values(expires_at=text("now() - interval '1 day'")))
    assert await sweep.expired_bases(sessions, storage, limit=1) == 1
    assert await keys(storage) == [base(needed)["key"]]


async def test_a_retry_that_is_not_committed_yet_keeps_the_base_clip(
    life: Life, sessions: Sessions, storage: LocalStorage, put: Any
) -> None:
    lease = await kept(life, put)
    await life.call(work.fail, lease, error=ERROR, retry=False)
    await expire(sessions, "now() + interval '0.3 seconds'")
    async with sessions() as session:
        again = await jobs.retry(session, lease.job_id, owner_id=life.owner, limits=LIMITS)
        assert again
        assert again.job.base == base(lease)
        await asyncio.sleep(0.4)
        assert await sweep.expired_bases(sessions, storage) == 0
        await session.commit()
    assert await sweep.expired_bases(sessions, storage) == 0


async def test_previews_go_once_their_job_ended(
    life: Life, sessions: Sessions, storage: LocalStorage, put: Any
) -> None:
    lease = await life.running()
    key = await put(f"previews/{lease.job_id}.webp")
    await life.call(work.progress, lease, progress={"value": 0.1}, eta_seconds=None, preview_key=key)
    assert await sweep.ended_previews(sessions, storage, grace_seconds=0) == 0
    await life.call(work.fail, lease, error=ERROR, retry=False)
    assert await sweep.ended_previews(sessions, storage, grace_seconds=60) == 0
    assert await sweep.ended_previews(sessions, storage, grace_seconds=0) == 1
    assert await keys(storage) == []
    assert (await life.seen(lease.job_id)).preview_key is None


async def test_rates_are_learnt(call: Call) -> None:
    assert await call(rates.rates) == {}
    for sample in (1.0, 2.0, 3.0):
        await call(rates.learn_rate, "generate", "tiny", sample)
    await call(rates.learn_rate, "upscale", "tiny", 0.5)
    assert await call(work.rates) == pytest.approx({("generate", "tiny"): 2.0, ("upscale", "tiny"): 0.5})
    for _ in range(40):
        await call(work.learn_rate, "generate", "tiny", 9.0)
    assert (await call(rates.rates))["generate", "tiny"] == pytest.approx(9.0, abs=0.2)
