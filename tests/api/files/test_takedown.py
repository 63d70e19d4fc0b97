"""A takedown is effective within five minutes: at once for a local store, and when the links end for any store."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, update

from api.dependencies import Gateway
from api.files import takedown
from api.jobs.schemas import RESULT_LINK_SECONDS
from api.moderation import schemas as moderation
from db import users
from db.direct import Direct
from db.storage import local
from db.storage.s3 import S3Storage
from db.tables import Role, Video
from tests.api.conftest import ApiUser, Worker
from tests.api.public_videos import make_video
from tests.api.shares.test_routes import share

MAX_SECONDS = 300
PASSWORD = "blue-parrot-42"


@pytest.fixture
async def video_id(worker: Worker, alice: ApiUser) -> UUID:
    return await make_video(worker, alice, public=True)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the clock of signed links is ahead."""
    ahead = [0.0]
    original = time.time
    monkeypatch.setattr(local.time, "time", lambda: original() + ahead[0])
    return ahead


def links(body: Any) -> Iterator[str]:
    """Every signed link in a response, wherever it is."""
    if isinstance(body, dict):
        body = list(body.values())
    if isinstance(body, list):
        for value in body:
            yield from links(value)
    if isinstance(body, str) and ("/api/files/" in body or "X-Amz-Signature" in body):
        yield body


async def visitor_links(client: httpx.AsyncClient, alice: ApiUser, video_id: UUID) -> list[str]:
    """All links that a visitor gets: in the gallery, by a share, and by one with a password."""
    tokens = [(await share(alice, video_id, **body))["token"] for body in ({}, {"password": PASSWORD})]
    answers = [
        await client.get("/api/gallery"),
        await client.get(f"/api/gallery/{video_id}"),
        await client.get(f"/api/shared/{tokens[0]}"),
        await client.post(f"/api/shared/{tokens[1]}", json={"password": PASSWORD}),
    ]
    found = [list(links(answer.json())) for answer in answers]
    # The video, the poster, and both once more for Open Graph.
    assert [len(one) for one in found] == [4, 4, 4, 4]
    return [link for one in found for link in one]


async def hide(gateway: Gateway, video_id: UUID) -> None:
    async with gateway.sessions.begin() as session:
        hidden = update(Video).where(Video.id == video_id)
        await session.execute(hidden.values(moderation_state="hidden", moderated_at=func.clock_timestamp()))


async def test_links_for_visitors_end_within_five_minutes(
    client: httpx.AsyncClient, alice: ApiUser, video_id: UUID, clock: list[float]
) -> None:
    made = await visitor_links(client, alice, video_id)
    for seconds, status in ((0, 200), (MAX_SECONDS - 15, 200), (MAX_SECONDS, 403)):
        clock[0] = seconds
        assert {(await client.get(link)).status_code for link in made} == {status}, seconds


async def test_links_to_an_s3_store_end_within_five_minutes(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, video_id: UUID
) -> None:
    """Such a store cannot refuse a link that was signed before: only the expiry ends it."""
    store = S3Storage(endpoint="http://store.test", access_key="access", secret_key="secret", bucket="videos")
    object.__setattr__(gateway, "storage", store)
    for link in await visitor_links(client, alice, video_id):
        query = parse_qs(urlsplit(link).query)
        assert int(query["X-Amz-Expires"][0]) <= MAX_SECONDS


async def test_a_hidden_video_is_not_served_by_links_that_were_made_before(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, video_id: UUID
) -> None:
    made = set(await visitor_links(client, alice, video_id))
    await hide(gateway, video_id)
    for method in ("GET", "HEAD"):
        for link in made:
            assert (await client.request(method, link, headers={"Range": "bytes=0-1"})).status_code == 403


async def test_links_of_the_owner_are_refused_if_they_are_older_than_the_decision(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, video_id: UUID, clock: list[float]
) -> None:
    """They may have been passed on, and are valid for an hour."""
    clock[0] = -2
    old = list(links((await alice.get(f"/api/videos/{video_id}")).json()))
    await hide(gateway, video_id)
    clock[0] = 0
    assert len(old) == 2
    assert {(await client.get(link)).status_code for link in old} == {403}


async def test_the_owner_and_moderators_get_links_that_work(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, bob: ApiUser, video_id: UUID
) -> None:
    await hide(gateway, video_id)
    async with gateway.sessions.begin() as session:
        await users.set_role(session, bob.id, Role.MODERATOR)
    job_id = (await alice.get(f"/api/videos/{video_id}")).json()["job_id"]
    for user, path in (
        (alice, f"/api/videos/{video_id}"),
        (alice, f"/api/result/{job_id}"),
        (bob, f"/api/moderation/videos/{video_id}"),
    ):
        found = set(links((await user.get(path, headers={"Accept": "application/json"})).json()))
        assert len(found) >= 2
        assert {(await client.get(link)).status_code for link in found} == {200}, path


def test_the_links_of_the_owner_and_of_moderators_live_as_long_as_the_file_route_assumes() -> None:
    assert takedown.LINK_SECONDS == RESULT_LINK_SECONDS == moderation.LINK_SECONDS


async def test_a_restored_video_is_served_again(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, video_id: UUID
) -> None:
    made = await visitor_links(client, alice, video_id)
    await hide(gateway, video_id)
    async with gateway.sessions.begin() as session:
        await session.execute(update(Video).values(moderation_state="visible"))
    assert {(await client.get(link)).status_code for link in made} == {200}


async def test_no_file_is_served_while_the_database_is_unreachable(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, video_id: UUID
) -> None:
    """Whether it was hidden is not known then."""
    (link, *_) = links((await alice.get(f"/api/videos/{video_id}")).json())
    object.__setattr__(gateway, "direct", Direct("postgresql://aura@127.0.0.1:1/aura"))
    refused = await client.get(link)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert int(refused.headers["retry-after"]) >= 1
