"""Full-text search."""

import pytest

from db.videos import edits
from db.videos import queries as videos
from db.videos.queries import Filter
from tests.conftest import MakeUser
from tests.db.conftest import Call, Life
from tests.db.videos.conftest import MakeVideo


@pytest.mark.parametrize(
    ("words", "found"),
    {
        "circle": True, "CIRCLE": True, "red circle": True, "circle red": True, "red square": False, "cir": True,
        "ci": False, '"red circle"': True, '"circle red"': False, "square or circle": True, "circle -red": False,
        "-blue": True, "sunset": True, "evening": True, "even": True, "red dog": False, "!!!": False, "": False,
        "it's": True, "'": False, "a \\ b": False, "owner": False, "#evening": True, ":*": False, "zoo & | ! (": False,
    }.items(),
)  # fmt: skip
async def test_words_of_prompt_title_and_tags_are_found(
    life: Life, make_video: MakeVideo, call: Call, words: str, found: bool
) -> None:
    video = await make_video(prompt="a Red circle, it's big")
    values = {"title": "Sunset", "tags": ["evening walk"]}
    await call(edits.change, [video.id], owner_id=life.owner, values=values)
    page = await call(videos.page, owner_id=life.owner, limit=10, only=Filter(words=words))
    assert [each.id for each in page.data] == ([video.id] if found else [])


@pytest.mark.parametrize("tag", ["it's", "back\\slash", "two words", "ünïcödé", "🙂", "'", "\\'", "a & b", "x:*"])
async def test_any_tag_is_found_as_a_whole(life: Life, make_video: MakeVideo, call: Call, tag: str) -> None:
    video = await make_video()
    await call(edits.change, [video.id], owner_id=life.owner, values={"tags": [tag]})
    for chosen, expected in ((tag, [video.id]), (tag + "x", []), (tag[:-1], [])):
        page = await call(videos.page, owner_id=life.owner, limit=10, only=Filter(tag=chosen))
        assert [each.id for each in page.data] == expected


async def test_a_search_finds_no_video_of_another_user(
    life: Life, make_video: MakeVideo, make_user: MakeUser, call: Call
) -> None:
    stranger = await make_user()
    video = await make_video(prompt=f"@{stranger} a red circle")
    for only in (Filter(words="circle"), Filter(words=f"'@{stranger}'"), Filter(words=f"@{stranger}")):
        assert (await call(videos.page, owner_id=stranger, limit=10, only=only)).data == []
    await call(edits.change, [video.id], owner_id=life.owner, values={"tags": [f"' | '@{stranger}"]})
    assert (await call(videos.page, owner_id=stranger, limit=10, only=Filter(tag=f"' | '@{stranger}"))).data == []
