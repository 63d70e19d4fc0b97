"""Publications are in the audit log."""

from uuid import UUID

from sqlalchemy import select

from api.dependencies import Gateway
from db.tables import AuditEntry
from tests.api.conftest import ApiUser, Worker
from tests.api.public_videos import make_video


async def recorded(gateway: Gateway) -> list[tuple[str, UUID | None, UUID | None, str | None]]:
    async with gateway.sessions() as session:
        entries = await session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(entry.action, entry.actor_id, entry.target_id, entry.address) for entry in entries]


async def test_each_change_of_visibility_is_recorded_once(gateway: Gateway, alice: ApiUser, worker: Worker) -> None:
    first, second = sorted([await make_video(worker, alice), await make_video(worker, alice, b"other")])
    path = f"/api/videos/{first}"
    for change in ({"visibility": "public"}, {"visibility": "public"}, {"title": "Circle"}):
        assert (await alice.request("PATCH", path, json=change)).status_code == 200
    published = ("video_published", alice.id, first, "127.0.0.1")
    assert await recorded(gateway) == [published]
    ids = [str(first), str(second)]
    for action in ("publish", "favourite", "unpublish"):
        assert (await alice.post("/api/videos/bulk", json={"ids": ids, "action": action})).status_code == 200
    assert await recorded(gateway) == [
        published,
        ("video_published", alice.id, second, "127.0.0.1"),
        ("video_unpublished", alice.id, first, "127.0.0.1"),
        ("video_unpublished", alice.id, second, "127.0.0.1"),
    ]


async def test_nothing_is_recorded_about_videos_of_others(
    gateway: Gateway, alice: ApiUser, bob: ApiUser, worker: Worker
) -> None:
    video_id = await make_video(worker, alice)
    refused = await bob.request("PATCH", f"/api/videos/{video_id}", json={"visibility": "public"})
    assert refused.status_code == 404
    body = {"ids": [str(video_id)], "action": "publish"}
    assert (await bob.post("/api/videos/bulk", json=body)).status_code == 404
    assert await recorded(gateway) == []


async def test_a_file_with_its_prompt_is_published_with_the_prompt_only(
    gateway: Gateway, alice: ApiUser, worker: Worker
) -> None:
    video_id = await make_video(worker, alice, resolved={"embed_prompt": True})
    path, bulk = f"/api/videos/{video_id}", {"ids": [str(video_id)], "action": "publish"}
    for method, url, body in (("PATCH", path, {"visibility": "public"}), ("POST", "/api/videos/bulk", bulk)):
        refused = await alice.request(method, url, json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "prompt_in_file")
    shown = await alice.request("PATCH", path, json={"visibility": "public", "show_prompt": True})
    assert shown.json()["visibility"] == "public"
    hidden = await alice.request("PATCH", path, json={"show_prompt": False})
    assert hidden.json()["code"] == "prompt_in_file"
    assert len(await recorded(gateway)) == 1
