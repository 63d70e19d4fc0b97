"""The public gallery: what is in it, its pages, and the caching headers of its responses."""

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update

from api.dependencies import Gateway
from api.gallery import caching
from api.gallery.schemas import named_place
from db import users
from db.tables import Video
from tests.api.conftest import ApiUser, Worker
from tests.api.public_videos import DATA, PROMPT, make_video


async def ids(client: httpx.AsyncClient, **query: Any) -> list[UUID]:
    response = await client.get("/api/gallery", params=query)
    assert response.status_code == 200, response.text
    return [UUID(video["id"]) for video in response.json()["data"]]


async def change(gateway: Gateway, video_id: UUID, **values: Any) -> None:
    async with gateway.sessions.begin() as session:
        await session.execute(update(Video).where(Video.id == video_id).values(**values))


async def test_a_visitor_plays_a_published_video(client: httpx.AsyncClient, alice: ApiUser, worker: Worker) -> None:
    video_id = await make_video(worker, alice, public=True, title="Circle")
    (video,) = (await client.get("/api/gallery")).json()["data"]
    assert (video["id"], video["title"], video["format"]) == (str(video_id), "Circle", "mp4")
    media = video["video"]
    assert (media["width"], media["height"], media["duration_seconds"], media["size_bytes"]) == (512, 256, 1.0, 2048)
    played = await client.get(media["url"], headers={"Range": "bytes=256-511"})
    assert (played.status_code, played.content) == (206, DATA[256:512])
    assert played.headers["x-robots-tag"] == "noindex"
    assert (await client.get(video["poster"]["url"])).content == b"poster"
    assert video["preview"] is None
    assert (await client.get(f"/api/gallery/{video_id}")).json()["id"] == str(video_id)


async def test_links_for_visitors_live_for_five_minutes(
    client: httpx.AsyncClient, alice: ApiUser, worker: Worker
) -> None:
    await make_video(worker, alice, public=True)
    (video,) = (await client.get("/api/gallery")).json()["data"]
    for media in (video["video"], video["poster"]):
        expires = int(parse_qs(urlsplit(media["url"]).query)["expires"][0])
        assert 290 < expires - time.time() <= 300
        assert abs(datetime.fromisoformat(media["expires_at"]) - datetime.fromtimestamp(expires, UTC)).seconds <= 1
        response = await client.get(media["url"])
        assert int(response.headers["cache-control"].removeprefix("private, max-age=")) <= 300


async def test_the_prompt_is_hidden_unless_it_is_chosen(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, worker: Worker
) -> None:
    video_id = await make_video(worker, alice, public=True)
    for path in ("/api/gallery", f"/api/gallery/{video_id}"):
        response = await client.get(path)
        assert "circle" not in response.text
        assert "seed" not in response.text
    await change(gateway, video_id, show_prompt=True)
    assert (await client.get(f"/api/gallery/{video_id}")).json()["prompt"] == PROMPT


@pytest.mark.parametrize(
    "values",
    [
        {"visibility": "private", "published_at": None},
        {"moderation_state": "hidden", "moderated_at": datetime.now(UTC)},
        {"moderation_state": "rejected", "moderated_at": datetime.now(UTC)},
        {"trashed_at": datetime.now(UTC)},
    ],
)
async def test_what_is_not_in_the_gallery(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, worker: Worker, values: dict[str, Any]
) -> None:
    video_id = await make_video(worker, alice, public=True)
    assert await ids(client) == [video_id]
    await change(gateway, video_id, **values)
    assert await ids(client) == []
    missing = await client.get(f"/api/gallery/{uuid4()}")
    gone = await client.get(f"/api/gallery/{video_id}")
    assert missing.status_code == gone.status_code == 404
    assert {**missing.json(), "request_id": 0} == {**gone.json(), "request_id": 0}


async def test_the_videos_of_a_disabled_account_are_not_shown(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, worker: Worker
) -> None:
    video_id = await make_video(worker, alice, public=True)
    async with gateway.sessions.begin() as session:
        await users.set_disabled(session, alice.id, disabled=True)
    assert await ids(client) == []
    assert (await client.get(f"/api/gallery/{video_id}")).status_code == 404


async def test_pages_in_the_order_of_publication(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, bob: ApiUser, worker: Worker
) -> None:
    made = [await make_video(worker, user) for user in (alice, bob, alice, bob, alice)]
    # Two at the same moment, and not in the order in which they were made.
    for minute, video_id in zip((3, 1, 2, 2, 5), made, strict=True):
        await change(gateway, video_id, visibility="public", published_at=datetime(2026, 1, 1, 0, minute, tzinfo=UTC))
    order = [made[4], made[0], *sorted(made[2:4], reverse=True), made[1]]
    assert await ids(client) == order
    seen: list[UUID] = []
    after: dict[str, str] = {}
    while True:
        page = (await client.get("/api/gallery", params={"limit": 2, **after})).json()
        seen += [UUID(video["id"]) for video in page["data"]]
        if not page["has_more"]:
            break
        # The video at the end of the page leaves the gallery before the next one is read.
        await change(gateway, seen[-1], visibility="private", published_at=None)
        after = {"after": page["last_id"]}
    assert seen == order


@pytest.mark.parametrize(
    "after", ["x", "", "1.", ".", f"zz.{UUID(int=1)}", f"{'f' * 26}.{UUID(int=1)}", str(UUID(int=1))]
)
async def test_a_malformed_place_is_refused(client: httpx.AsyncClient, after: str) -> None:
    response = await client.get("/api/gallery", params={"after": after})
    assert (response.status_code, response.json()["errors"][0]["parameter"]) == (422, "after")
    assert named_place(f"0.{UUID(int=1)}").published_at == datetime(1970, 1, 1, tzinfo=UTC)


async def test_a_cached_response_is_revalidated(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_800_000_000.0]
    monkeypatch.setattr(caching.time, "time", lambda: now[0])
    video_id = await make_video(worker, alice, public=True)
    for path in ("/api/gallery", f"/api/gallery/{video_id}"):
        first = await client.get(path)
        assert first.headers["cache-control"] == "public, max-age=30"
        tag = first.headers["etag"]
        for cached in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
            current = await client.get(path, headers={"If-None-Match": cached})
            assert (current.status_code, current.content, current.headers["etag"]) == (304, b"", tag)
        assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
        # The links in the cached body would expire: a new one after a minute.
        now[0] += 60
        assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 200
    tag = (await client.get("/api/gallery")).headers["etag"]
    await change(gateway, video_id, moderation_state="hidden", moderated_at=datetime.now(UTC))
    assert (await client.get("/api/gallery", headers={"If-None-Match": tag})).json()["data"] == []


async def test_the_properties_of_a_page(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "public_url", "https://aura.example/")
    video_id = await make_video(worker, alice, public=True, title="Circle")
    video = (await client.get(f"/api/gallery/{video_id}")).json()
    graph = video["open_graph"]
    assert graph == {
        "title": "Circle", "description": "1 s, 512 × 256", "type": "video.other", "site_name": "AuraAnim",
        "url": f"https://aura.example/gallery/{video_id}", "image": video["poster"]["url"],
        "image_type": "image/webp", "image_width": 512, "image_height": 256, "video": video["video"]["url"],
        "video_type": "video/mp4", "video_width": 512, "video_height": 256,
    }  # fmt: skip
    await change(gateway, video_id, title="", show_prompt=True, prompt="long " * 100)
    graph = (await client.get(f"/api/gallery/{video_id}")).json()["open_graph"]
    assert (graph["title"], len(graph["description"])) == ("AuraAnim video", 200)
