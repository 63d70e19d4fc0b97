"""The trash of videos, and their jobs that go with them."""

from sqlalchemy import select, text

from db.jobs import queries as jobs
from db.jobs import trash as job_trash
from db.storage import garbage_collection
from db.storage.local import LocalStorage
from db.tables import Artifact, Job, Video
from db.videos import edits, trash
from db.videos import queries as videos
from db.videos.queries import Filter
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Call, Life
from tests.db.videos.conftest import MakeVideo


async def in_trash(call: Call, video: Video) -> tuple[bool, bool]:
    """Whether the video is in the trash, and whether its job is."""
    seen = await call(videos.get, video.id, owner_id=video.owner_id)
    job = await call(jobs.get, video.job_id, owner_id=video.owner_id)
    return seen.trashed_at is not None, job.trashed_at is not None


async def test_a_video_and_its_job_are_moved_together(life: Life, make_video: MakeVideo, call: Call) -> None:
    video, other = await make_video(), await make_video()
    for trashed in (True, True, False):
        await call(trash.move, [video.id], owner_id=life.owner, trashed=trashed)
        assert await in_trash(call, video) == (trashed, trashed)
    assert await in_trash(call, other) == (False, False)
    for change, trashed in ((job_trash.move_to_trash, True), (job_trash.restore, False)):
        await call(change, video.job_id, owner_id=life.owner)
        assert await in_trash(call, video) == (trashed, trashed)


async def test_both_are_listed_in_the_trash_only(life: Life, make_video: MakeVideo, call: Call) -> None:
    video = await make_video()
    await call(trash.move, [video.id], owner_id=life.owner, trashed=True)
    for trashed in (True, False):
        page = await call(videos.page, owner_id=life.owner, limit=10, only=Filter(trashed=trashed))
        assert [each.id for each in page.data] == [video.id] * trashed
        assert len((await call(jobs.page, owner_id=life.owner, limit=10, trashed=trashed)).data) == trashed


async def test_the_revision_of_the_job_counts_each_move_once(life: Life, make_video: MakeVideo, call: Call) -> None:
    video = await make_video()
    revisions = []
    for trashed in (True, True, False, False):
        await call(trash.move, [video.id], owner_id=life.owner, trashed=trashed)
        revisions.append((await call(jobs.get, video.job_id, owner_id=life.owner)).revision)
    assert revisions == [revisions[0], revisions[0], revisions[0] + 1, revisions[0] + 1]


async def test_a_video_without_a_job_has_a_trash_too(
    life: Life, make_video: MakeVideo, call: Call, sessions: Sessions
) -> None:
    video = await make_video()
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM jobs"))
    for trashed in (True, False):
        await call(trash.move, [video.id], owner_id=life.owner, trashed=trashed)
        assert ((await call(videos.get, video.id, owner_id=life.owner)).trashed_at is not None) == trashed


async def test_another_user_moves_nothing(make_video: MakeVideo, make_user: MakeUser, call: Call) -> None:
    video = await make_video()
    await call(trash.move, [video.id], owner_id=await make_user(), trashed=True)
    assert await in_trash(call, video) == (False, False)


async def test_a_purge_deletes_old_videos_and_their_objects_are_orphans(
    life: Life, make_video: MakeVideo, call: Call, sessions: Sessions, storage: LocalStorage
) -> None:
    old, young, kept = [await make_video() for _ in range(3)]
    for video in (old, young, kept):
        for artifact in (await call(videos.objects, [video]))[video.id].files.values():
            await storage.put(artifact.key, b"0", artifact.content_type)
    async with sessions.begin() as session:
        for video, days in ((old, 31), (young, 29)):
            await trash.move(session, [video.id], owner_id=life.owner, trashed=True)
            age = text("UPDATE videos SET trashed_at = now() - make_interval(days => :days) WHERE id = :id")
            await session.execute(age, {"days": days, "id": video.id})
    assert [await call(trash.purge, limit=10) for _ in range(2)] == [1, 0]
    async with sessions() as session:
        assert set(await session.scalars(select(Video.id))) == {young.id, kept.id}
        assert set(await session.scalars(select(Artifact.video_id))) == {young.id, kept.id}
        assert len(list(await session.scalars(select(Job.id)))) == 3
    assert await garbage_collection.orphans(sessions, storage, grace_seconds=-1) == 3


async def base_keys(sessions: Sessions) -> list[str]:
    async with sessions() as session:
        return list(await session.scalars(select(Artifact.key).where(Artifact.kind == "base")))


async def collect(sessions: Sessions, storage: LocalStorage) -> int:
    return await garbage_collection.expired_bases(sessions, storage)


async def test_the_base_clip_of_a_favourite_is_kept(
    life: Life, make_video: MakeVideo, call: Call, sessions: Sessions, storage: LocalStorage
) -> None:
    video = await make_video(keep_base=True)
    await call(edits.change, [video.id], owner_id=life.owner, values={"favourite": True})
    async with sessions.begin() as session:
        await session.execute(text("UPDATE artifacts SET expires_at = now() - interval '1 s' WHERE kind = 'base'"))
    assert await collect(sessions, storage) == 0
    await call(edits.change, [video.id], owner_id=life.owner, values={"favourite": False})
    assert await collect(sessions, storage) == 1
    assert await base_keys(sessions) == []
    assert (await call(videos.get, video.id, owner_id=life.owner)).base is None


async def test_a_base_clip_outlives_its_job_as_long_as_its_video_may_use_it(
    life: Life, make_video: MakeVideo, call: Call, sessions: Sessions, storage: LocalStorage
) -> None:
    video = await make_video(keep_base=True)
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM jobs"))
    assert await collect(sessions, storage) == 0
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM videos WHERE id = :id"), {"id": video.id})
    assert await collect(sessions, storage) == 1
    assert await base_keys(sessions) == []


async def test_the_base_clip_of_a_purged_job_without_a_video_is_collected_at_once(
    life: Life, sessions: Sessions, storage: LocalStorage
) -> None:
    lease = await life.running()
    await life.keep_base(lease)
    await life.fail(lease, retry=False)
    assert await collect(sessions, storage) == 0
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM jobs"))
    assert await collect(sessions, storage) == 1


async def test_a_deleted_account_leaves_no_rows(
    life: Life, make_video: MakeVideo, sessions: Sessions, storage: LocalStorage
) -> None:
    await make_video(keep_base=True)
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM users WHERE id = :id"), {"id": life.owner})
    assert await collect(sessions, storage) == 1
    async with sessions() as session:
        for table in (Artifact, Video, Job):
            assert list(await session.scalars(select(table.id))) == []  # type: ignore[attr-defined]
