"""The video routes: list, search, read, edit, trash, bulk, recipe."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from api.dependencies import Gateway
from pipeline.contract.spec import Spec
from tests.api.conftest import ApiUser, Worker


@pytest.fixture
async def video(alice: ApiUser, worker: Worker) -> str:
    return await make_video(alice, worker)


async def make_video(user: ApiUser, worker: Worker, data: bytes = b"0123456789", **spec: Any) -> str:
    """The id of a new video of this user."""
    job = await user.generate(**spec)
    await worker.publish(await worker.claim(), data)
    video_id: str = (await user.get(f"/api/status/{job}")).json()["video_id"]
    return video_id


async def ids(user: ApiUser, **query: Any) -> list[str]:
    response = await user.get("/api/videos", params=query)
    assert response.status_code == 200, response.text
    return [video["id"] for video in response.json()["data"]]


async def change(user: ApiUser, video_id: str, **body: Any) -> Any:
    return await user.request("PATCH", f"/api/videos/{video_id}", json=body)


async def test_a_succeeded_job_names_its_video(alice: ApiUser, worker: Worker) -> None:
    job = await alice.generate(prompt="a red circle")
    assert (await alice.get(f"/api/status/{job}")).json()["video_id"] is None
    await worker.publish(await worker.claim(), b"the video")
    video_id = (await alice.get(f"/api/status/{job}")).json()["video_id"]
    assert [each["video_id"] for each in (await alice.get("/api/jobs")).json()["data"]] == [video_id]
    video = (await alice.get(f"/api/videos/{video_id}")).json()
    assert (video["id"], video["job_id"], video["prompt"]) == (video_id, job, "a red circle")
    assert (video["title"], video["tags"], video["favourite"], video["visibility"]) == ("", [], False, "private")
    assert video["moderation"] == {"state": "visible", "reason": None, "statement": None, "decided_at": None}
    assert (video["trashed_at"], video["purge_at"], video["finishable"], video["finished_from"]) == (
        None,
        None,
        False,
        None,
    )
    assert (video["poster"], video["preview"]) == (None, None)
    media = video["video"]
    assert (media["content_type"], media["width"], media["frames"], media["size_bytes"]) == ("video/mp4", 512, 8, 9)
    assert (await alice.http.get(media["url"])).content == b"the video"


async def test_pages(alice: ApiUser, worker: Worker) -> None:
    made = [await make_video(alice, worker) for _ in range(3)]
    first = (await alice.get("/api/videos", params={"limit": 2})).json()
    assert [video["id"] for video in first["data"]] == made[:0:-1]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (made[2], made[1], True)
    second = (await alice.get("/api/videos", params={"limit": 2, "after": first["last_id"]})).json()
    assert ([video["id"] for video in second["data"]], second["has_more"]) == (made[:1], False)
    assert await ids(alice, order="asc") == made


async def test_edits_search_and_filters(alice: ApiUser, worker: Worker, video: str) -> None:
    other = await make_video(alice, worker, prompt="a blue square")
    body = {"title": "  Sunset\n walk ", "tags": ["Night", "night", "#Ünïcode"], "favourite": True}
    changed = (await change(alice, video, **body, visibility="public", show_prompt=True)).json()
    assert (changed["title"], changed["tags"], changed["favourite"]) == ("Sunset walk", ["night", "ünïcode"], True)
    assert (changed["visibility"], changed["show_prompt"]) == ("public", True)
    assert (await alice.get(f"/api/videos/{video}")).json()["title"] == "Sunset walk"
    for query in (
        {"q": "sunset"}, {"q": "sun"}, {"tag": "NIGHT"}, {"tag": "#night"}, {"favourite": True},
        {"visibility": "public"},
        {"created_before": (await alice.get(f"/api/videos/{other}")).json()["created_at"]},
    ):  # fmt: skip
        assert await ids(alice, **query) == [video], query
    assert await ids(alice, q="blue") == await ids(alice, favourite=False) == [other]
    assert await ids(alice, format="mp4") == [other, video]
    assert (await alice.get("/api/videos/tags")).json()["data"] == [
        {"tag": "night", "count": 1}, {"tag": "ünïcode", "count": 1},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"title": "x" * 201}, {"title": "a\x00b"}, {"tags": ["x" * 31]}, {"tags": [""]}, {"tags": ["#"]},
        {"tags": [f"tag {n}" for n in range(21)]}, {"visibility": "friends"}, {"prompt": "another"},
        {"favourite": "yes?"},
    ],
)  # fmt: skip
async def test_edits_that_are_refused(alice: ApiUser, video: str, body: dict[str, Any]) -> None:
    assert (await change(alice, video, **body)).status_code == 422
    seen = (await alice.get(f"/api/videos/{video}")).json()
    assert (seen["title"], seen["tags"], seen["favourite"]) == ("", [], False)


async def test_an_edit_without_fields_changes_nothing(alice: ApiUser, video: str) -> None:
    before = (await change(alice, video, title="A title", tags=["a"])).json()
    after = await change(alice, video)
    assert {**after.json(), "video": None} == {**before, "video": None}


async def test_trash_and_restore_by_the_video_or_by_its_job(alice: ApiUser, video: str) -> None:
    job = (await alice.get(f"/api/videos/{video}")).json()["job_id"]
    for trash, restore in (
        (("DELETE", f"/api/videos/{video}"), ("POST", f"/api/jobs/{job}/restore")),
        (("DELETE", f"/api/jobs/{job}"), ("POST", f"/api/videos/{video}/restore")),
    ):
        assert (await alice.request(*trash)).json()["trashed_at"]
        seen = (await alice.get(f"/api/videos/{video}")).json()
        assert seen["purge_at"] > seen["trashed_at"]
        assert (await alice.get(f"/api/status/{job}")).json()["trashed_at"]
        assert (await ids(alice), await ids(alice, trashed=True)) == ([], [video])
        assert (await alice.get(f"/api/result/{job}", headers={"accept": "application/json"})).status_code == 200
        assert (await alice.request(*restore)).json()["trashed_at"] is None
        assert (await ids(alice), await ids(alice, trashed=True)) == ([video], [])


async def test_bulk_actions(alice: ApiUser, worker: Worker, video: str) -> None:
    both = [await make_video(alice, worker), video]
    for action, tag, field, value in (
        ("favourite", None, "favourite", True), ("unfavourite", None, "favourite", False),
        ("add_tag", "Cat", "tags", ["cat"]), ("remove_tag", "cat", "tags", []),
        ("publish", None, "visibility", "public"),
        ("unpublish", None, "visibility", "private"),
    ):  # fmt: skip
        body = {"ids": both, "action": action} | ({"tag": tag} if tag else {})
        changed = (await alice.post("/api/videos/bulk", json=body)).json()["data"]
        assert [(each["id"], each[field]) for each in changed] == [(each, value) for each in both]
    for action, trashed in (("trash", both), ("restore", [])):
        assert (await alice.post("/api/videos/bulk", json={"ids": both, "action": action})).status_code == 200
        assert await ids(alice, trashed=True) == trashed


async def test_a_bulk_action_with_a_foreign_or_unknown_id_does_nothing(
    alice: ApiUser, bob: ApiUser, worker: Worker, video: str
) -> None:
    foreign = await make_video(bob, worker)
    for action in ("trash", "favourite"):
        for unknown in (foreign, str(uuid4())):
            body = {"ids": [video, unknown], "action": action}
            assert (await alice.post("/api/videos/bulk", json=body)).status_code == 404
    assert (await ids(alice, favourite=False), await ids(bob, favourite=False)) == ([video], [foreign])


@pytest.mark.parametrize(
    "body",
    [
        {"ids": [], "action": "trash"}, {"ids": [str(uuid4())] * 101, "action": "trash"}, {"action": "trash"},
        {"ids": [str(uuid4())], "action": "add_tag"}, {"ids": [str(uuid4())], "action": "trash", "tag": "a"},
        {"ids": [str(uuid4())], "action": "delete"}, {"ids": ["x"], "action": "trash"},
    ],
)  # fmt: skip
async def test_bulk_requests_that_are_refused(alice: ApiUser, body: dict[str, Any]) -> None:
    assert (await alice.post("/api/videos/bulk", json=body)).status_code == 422


async def test_too_many_tags_by_bulk(alice: ApiUser, video: str) -> None:
    await change(alice, video, tags=[f"tag {n}" for n in range(20)])
    refused = await alice.post("/api/videos/bulk", json={"ids": [video], "action": "add_tag", "tag": "one more"})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_tags")


async def test_a_recipe_is_a_request_that_repeats_the_video(alice: ApiUser, worker: Worker) -> None:
    job = await alice.generate(prompt="a red circle", fps=12, loop=True)
    lease = await worker.claim()
    await worker.publish(lease)
    video = (await alice.get(f"/api/videos/{(await alice.get(f'/api/status/{job}')).json()['video_id']}")).json()
    recipe = (await alice.get(f"/api/videos/{video['id']}/recipe")).json()
    assert (recipe["prompt"], recipe["fps"], recipe["loop"]) == ("a red circle", 12, True)
    assert recipe["seed"] == video["resolved"]["seed"]
    repeated = await alice.post("/api/generate", json=recipe)
    assert repeated.status_code == 201
    stored = (await alice.get(f"/api/status/{repeated.json()['job_id']}")).json()["spec"]
    assert Spec.model_validate(stored) == Spec.model_validate(recipe)


async def test_a_rejected_video_has_no_files(alice: ApiUser, gateway: Gateway, video: str) -> None:
    async with gateway.sessions.begin() as session:
        await session.execute(text("DELETE FROM artifacts"))
        await session.execute(
            text(
                "UPDATE videos SET moderation_state = 'rejected', moderation_reason = 'minors', "
                "moderation_statement = 'Not here.', moderated_at = now()"
            )
        )
    seen = (await alice.get(f"/api/videos/{video}")).json()
    assert (seen["video"], seen["moderation"]["state"], seen["moderation"]["statement"]) == (
        None, "rejected", "Not here.",
    )  # fmt: skip
    job = seen["job_id"]
    assert (await alice.get(f"/api/result/{job}", headers={"accept": "application/json"})).status_code == 410
