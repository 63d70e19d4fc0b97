"""Publish makes the video; pages, filters, objects and tags."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.ids import first_uuid7
from db.jobs import leases
from db.jobs import queries as jobs
from db.videos import edits
from db.videos import queries as videos
from db.videos.queries import Filter
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Call, Life, base
from tests.db.videos.conftest import MakeVideo, files


async def test_publish_makes_the_video(life: Life, call: Call, owner_engine: AsyncEngine, sessions: Sessions) -> None:
    """Without the trigger, which makes the videos of dispatchers of the release before."""
    resolved = {"seed": 7, "embed_prompt": False}
    async with owner_engine.begin() as connection:
        await connection.execute(text("ALTER TABLE jobs DISABLE TRIGGER add_video"))
    try:
        job = await life.queued(spec={"prompt": "a red circle", "format": "mp4"})
        lease = await life.claim()
        assert lease is not None
        await life.keep_base(lease)
        assert await call(leases.publish, lease, resolved=resolved, warnings=[], artifacts=files(lease))
    finally:
        async with owner_engine.begin() as connection:
            await connection.execute(text("ALTER TABLE jobs ENABLE TRIGGER add_video"))
    (video,) = (await call(videos.page, owner_id=life.owner, limit=10)).data
    assert (video.job_id, video.prompt, video.format, video.title, video.tags) == (
        job.id,
        "a red circle",
        "mp4",
        "",
        [],
    )
    assert (video.spec, video.resolved, video.base) == (job.spec, resolved, base(lease))
    assert (video.width, video.height, video.fps, video.frames, video.duration) == (64, 64, 8, 8, 1)
    assert (video.visibility, video.favourite, video.moderation_state) == ("private", False, "visible")
    objects = (await call(videos.objects, [video]))[video.id]
    assert {kind: file.key for kind, file in objects.files.items()} == {f["kind"]: f["key"] for f in files(lease)}
    assert objects.base is not None
    assert objects.base.key == base(lease)["key"]
    assert (await life.seen(job.id)).video_id == video.id


async def test_the_id_is_the_moment_of_publication_on_the_clock_of_the_database(make_video: MakeVideo) -> None:
    first, second = await make_video(), await make_video()
    for video in (first, second):
        assert first_uuid7(video.created_at) <= video.id < first_uuid7(video.created_at + timedelta(milliseconds=1))
    assert first.id < second.id


async def test_an_attempt_that_is_fenced_makes_no_video(life: Life, call: Call) -> None:
    old, _ = await life.lost()
    assert not await call(leases.publish, old, resolved={}, warnings=[], artifacts=files(old))
    assert (await call(videos.page, owner_id=life.owner, limit=10)).data == []


async def test_a_video_is_published_once(life: Life, call: Call) -> None:
    lease = await life.running()
    values = {"resolved": {}, "warnings": [], "artifacts": files(lease)}
    assert [await call(leases.publish, lease, **values) for _ in range(2)] == [True, False]
    assert len((await call(videos.page, owner_id=life.owner, limit=10)).data) == 1


async def test_the_trigger_adds_the_video_of_a_dispatcher_of_the_release_before(
    life: Life, call: Call, sessions: Sessions
) -> None:
    lease = await life.running()
    (file, *_) = files(lease)
    async with sessions.begin() as session:
        await session.execute(text(PUBLISH_OF_THE_RELEASE_BEFORE), {"id": lease.job_id, "key": file["key"]})
    (video,) = (await call(videos.page, owner_id=life.owner, limit=10)).data
    assert (video.job_id, video.prompt, video.format) == (lease.job_id, "a red circle", "webm")
    assert [file.key for file in await call(jobs.artifacts, lease.job_id, owner_id=life.owner)] == [file["key"]]


PUBLISH_OF_THE_RELEASE_BEFORE = """
    WITH moved AS (
        UPDATE jobs SET status = 'succeeded', resolved = '{}', lease_owner = NULL, lease_expires_at = NULL,
            finished_at = clock_timestamp() WHERE id = :id RETURNING id, attempt
    ), closed AS (
        UPDATE attempts SET ended_at = clock_timestamp(), outcome = 'succeeded'
        FROM moved WHERE attempts.job_id = moved.id AND attempts.attempt = moved.attempt
    )
    INSERT INTO artifacts (id, job_id, attempt, kind, key, content_type, width, height, fps, frames, duration,
        size_bytes, sha256)
    SELECT gen_random_uuid(), moved.id, moved.attempt, 'video', :key, 'video/webm', 64, 64, 8, 8, 1, 3, '0' FROM moved
"""


async def test_another_user_sees_nothing(make_video: MakeVideo, make_user: MakeUser, call: Call) -> None:
    video, stranger = await make_video(), await make_user()
    assert await call(videos.get, video.id, owner_id=stranger) is None
    assert await call(videos.of, [video.id], owner_id=stranger) == []
    assert (await call(videos.page, owner_id=stranger, limit=10)).data == []
    assert await call(jobs.artifacts, video.job_id, owner_id=stranger) == []


async def test_pages_go_through_all_videos_in_both_orders(life: Life, make_video: MakeVideo, call: Call) -> None:
    made = [(await make_video()).id for _ in range(5)]
    for order, expected in (("asc", made), ("desc", made[::-1])):
        seen, after = [], None
        while True:
            page = await call(videos.page, owner_id=life.owner, limit=2, after=after, order=order)
            seen += [video.id for video in page.data]
            if not page.has_more:
                break
            after = page.data[-1].id
        assert seen == expected


async def test_filters(life: Life, make_video: MakeVideo, call: Call) -> None:
    plain, edited = await make_video(), await make_video()
    values = {"favourite": True, "visibility": "public", "tags": ["cat"]}
    await call(edits.change, [edited.id], owner_id=life.owner, values=values)
    between = plain.created_at + (edited.created_at - plain.created_at) / 2
    chosen = {
        Filter(favourite=True): [edited], Filter(favourite=False): [plain], Filter(visibility="public"): [edited],
        Filter(tag="cat"): [edited], Filter(tag="ca"): [], Filter(format="mp4"): [edited, plain],
        Filter(format="gif"): [], Filter(created_after=edited.created_at): [edited],
        Filter(created_before=between): [plain], Filter(trashed=True): [], Filter(words="circle", tag="cat"): [edited],
        Filter(favourite=True, visibility="private"): [],
    }  # fmt: skip
    for only, expected in chosen.items():
        page = await call(videos.page, owner_id=life.owner, limit=10, only=only)
        assert [video.id for video in page.data] == [video.id for video in expected], only


async def test_tags_are_counted_outside_the_trash(life: Life, make_video: MakeVideo, call: Call) -> None:
    made = [await make_video() for _ in range(3)]
    for video, tags in zip(made, (["cat", "night"], ["cat"], ["night"]), strict=True):
        await call(edits.change, [video.id], owner_id=life.owner, values={"tags": tags})
    await life.call(_trash, made[2].id)
    assert await call(videos.tags, owner_id=life.owner) == [("cat", 2), ("night", 1)]


async def _trash(session: object, video_id: object) -> None:
    await session.execute(text("UPDATE videos SET trashed_at = now() WHERE id = :id"), {"id": video_id})  # type: ignore[attr-defined]


async def test_the_objects_of_a_video_survive_the_purge_of_its_job(
    life: Life, make_video: MakeVideo, call: Call, sessions: Sessions
) -> None:
    video = await make_video(keep_base=True)
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM jobs"))
    kept = await call(videos.get, video.id, owner_id=life.owner)
    assert (kept.job_id, kept.base) == (None, video.base)
    objects = (await call(videos.objects, [kept]))[video.id]
    assert set(objects.files) == {"video", "poster", "preview"}
    assert objects.base is not None


async def test_the_base_clip_of_a_favourite_does_not_expire(
    life: Life, make_video: MakeVideo, call: Call, sessions: Sessions
) -> None:
    video = await make_video(keep_base=True)
    async with sessions.begin() as session:
        await session.execute(text("UPDATE artifacts SET expires_at = now() - interval '1 s' WHERE kind = 'base'"))
    assert (await call(videos.objects, [video]))[video.id].base is None
    await call(edits.change, [video.id], owner_id=life.owner, values={"favourite": True})
    favourite = await call(videos.get, video.id, owner_id=life.owner)
    assert (await call(videos.objects, [favourite]))[video.id].base is not None


@pytest.mark.parametrize(
    ("name", "change"),
    {
        "visibility": "visibility = 'friends'", "moderation_state": "moderation_state = 'maybe', moderated_at = now()",
        "public_is_published": "visibility = 'public'", "moderated": "moderation_state = 'hidden'",
    }.items(),
)  # fmt: skip
async def test_impossible_videos_are_refused(make_video: MakeVideo, sessions: Sessions, name: str, change: str) -> None:
    await make_video()
    async with sessions.begin() as session:
        with pytest.raises(IntegrityError, match=f"ck_videos_{name}"):
            await session.execute(text(f"UPDATE videos SET {change}"))
