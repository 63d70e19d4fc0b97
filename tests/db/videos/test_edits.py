"""Title, tags, favourites and visibility."""

import pytest

from db.errors import TooManyTags
from db.videos import edits
from db.videos import queries as videos
from tests.conftest import MakeUser
from tests.db.conftest import Call, Life
from tests.db.videos.conftest import MakeVideo


async def test_published_at_is_the_first_moment(life: Life, make_video: MakeVideo, call: Call) -> None:
    video = await make_video()
    moments = []
    for visibility in ("public", "public", "private", "public"):
        await call(edits.change, [video.id], owner_id=life.owner, values={"visibility": visibility})
        moments.append((await call(videos.get, video.id, owner_id=life.owner)).published_at)
    assert moments[0] == moments[1]
    assert moments[2] is None
    assert moments[3] > moments[0]


async def test_a_change_keeps_the_rest_and_the_videos_of_others(
    life: Life, make_video: MakeVideo, make_user: MakeUser, call: Call
) -> None:
    video, other, foreign = await make_video(), await make_video(), await make_video(await make_user())
    await call(edits.change, [video.id, foreign.id], owner_id=life.owner, values={"title": "New"})
    for each, owner, title in ((video, life.owner, "New"), (other, life.owner, ""), (foreign, foreign.owner_id, "")):
        seen = await call(videos.get, each.id, owner_id=owner)
        assert (seen.title, seen.prompt, seen.favourite) == (title, each.prompt, False)


async def test_tags_are_added_once_and_removed(
    life: Life, make_video: MakeVideo, make_user: MakeUser, call: Call
) -> None:
    video, foreign = await make_video(), await make_video(await make_user())
    ids = [video.id, foreign.id]
    for tag in ("a", "b", "a"):
        await call(edits.add_tag, ids, owner_id=life.owner, tag=tag)
    assert (await call(videos.get, video.id, owner_id=life.owner)).tags == ["a", "b"]
    await call(edits.remove_tag, ids, owner_id=life.owner, tag="a")
    assert (await call(videos.get, video.id, owner_id=life.owner)).tags == ["b"]
    assert (await call(videos.get, foreign.id, owner_id=foreign.owner_id)).tags == []


async def test_a_video_has_at_most_twenty_tags(life: Life, make_video: MakeVideo, call: Call) -> None:
    full, empty = await make_video(), await make_video()
    tags = ["💜" * 29 + chr(ord("a") + n) for n in range(20)]
    await call(edits.change, [full.id], owner_id=life.owner, values={"tags": tags})
    with pytest.raises(TooManyTags):
        await call(edits.add_tag, [full.id, empty.id], owner_id=life.owner, tag="one more")
    assert (await call(videos.get, empty.id, owner_id=life.owner)).tags == []
    await call(edits.add_tag, [full.id], owner_id=life.owner, tag=tags[0])
