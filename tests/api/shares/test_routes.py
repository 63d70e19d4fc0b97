"""Share links: who makes, lists and revokes them, and who can open them."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from api.dependencies import Gateway
from api.shares import routes
from db import shares, users
from db.tables import AuditEntry, Share, Video
from tests.api.conftest import ApiUser, Worker
from tests.api.public_videos import DATA, PROMPT, make_video

HOUR = timedelta(hours=1)


async def share(user: ApiUser, video_id: UUID, **body: Any) -> dict[str, Any]:
    response = await user.post(f"/api/videos/{video_id}/shares", json=body)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


@pytest.fixture
async def video_id(worker: Worker, alice: ApiUser) -> UUID:
    return await make_video(worker, alice)


async def change(gateway: Gateway, table: type[Video | Share], row_id: UUID | str, **values: Any) -> None:
    async with gateway.sessions.begin() as session:
        await session.execute(update(table).where(table.id == UUID(str(row_id))).values(**values))


async def actions(gateway: Gateway) -> list[tuple[str, UUID | None, UUID | None]]:
    async with gateway.sessions() as session:
        rows = await session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(row.action, row.actor_id, row.target_id) for row in rows]


async def test_a_visitor_plays_a_private_video_by_its_link(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, video_id: UUID
) -> None:
    made = await share(alice, video_id)
    assert len(made["token"]) == 22
    assert made["url"].endswith(f"/s/{made['token']}")
    assert (made["has_password"], made["show_prompt"], made["views"]) == (False, False, 0)
    days = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=30) - HOUR < days <= timedelta(days=30)
    response = await client.get(f"/api/shared/{made['token']}")
    assert (response.status_code, response.headers["x-robots-tag"]) == (200, "noindex, nofollow")
    assert response.headers["cache-control"] == "no-store"
    video = response.json()
    assert (video["id"], video["prompt"], video["has_password"]) == (str(video_id), None, False)
    assert "circle" not in response.text
    assert video["open_graph"]["url"] is None
    played = await client.get(video["video"]["url"], headers={"Range": "bytes=0-9"})
    assert (played.status_code, played.content) == (206, DATA[:10])
    assert (await client.get("/api/gallery")).json()["data"] == []


async def test_only_the_hash_of_a_token_is_stored(gateway: Gateway, alice: ApiUser, video_id: UUID) -> None:
    made = await share(alice, video_id, password="blue-parrot-42")
    async with gateway.sessions() as session:
        row = await session.get_one(Share, UUID(made["id"]))
    assert made["token"] not in str(vars(row))
    assert row.password_hash is not None
    assert row.password_hash.startswith("$argon2id$")
    listed = (await alice.get(f"/api/videos/{video_id}/shares")).json()["data"]
    assert listed == [{name: made[name] for name in made.keys() - {"token", "url"}}]


async def test_the_prompt_is_shown_if_the_owner_chooses_it(
    client: httpx.AsyncClient, alice: ApiUser, video_id: UUID
) -> None:
    token = (await share(alice, video_id, show_prompt=True))["token"]
    assert (await client.get(f"/api/shared/{token}")).json()["prompt"] == PROMPT


async def test_every_useless_token_has_the_same_answer(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    useless: dict[str, dict[str, Any]] = {}

    async def record(case: str, token: str) -> None:
        for response in (
            await client.get(f"/api/shared/{token}"),
            await client.post(f"/api/shared/{token}", json={"password": "blue-parrot-42"}),
        ):
            headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
            useless[case] = {**response.json(), "request_id": 0, "headers": headers}
            assert response.status_code == 404, case

    async def made() -> tuple[UUID, dict[str, Any]]:
        video_id = await make_video(worker, alice)
        one = await share(alice, video_id)
        assert (await client.get(f"/api/shared/{one['token']}")).status_code == 200
        return video_id, one

    await record("unknown", "A" * 22)
    await record("malformed", "%C3%A9" * 40)
    _, one = await made()
    await change(gateway, Share, one["id"], expires_at=func.now())
    await record("expired", one["token"])
    _, one = await made()
    assert (await alice.request("DELETE", f"/api/shares/{one['id']}")).status_code == 204
    await record("revoked", one["token"])
    for case, values in {
        "trashed": {"trashed_at": func.now()},
        "hidden": {"moderation_state": "hidden", "moderated_at": func.now()},
        "rejected": {"moderation_state": "rejected", "moderated_at": func.now()},
    }.items():
        video_id, one = await made()
        await change(gateway, Video, video_id, **values)
        await record(case, one["token"])
    _, one = await made()
    async with gateway.sessions.begin() as session:
        await users.set_disabled(session, alice.id, disabled=True)
    await record("of a disabled account", one["token"])
    assert {case for case, answer in useless.items() if answer != useless["unknown"]} == set()


async def test_useless_tokens_are_limited_and_useful_ones_are_not(
    client: httpx.AsyncClient, alice: ApiUser, video_id: UUID
) -> None:
    token = (await share(alice, video_id))["token"]
    started = time.monotonic()
    answers = [await client.get(f"/api/shared/{n:022}") for n in range(60)]
    assert [answer.status_code for answer in answers[:30]] == [404] * 30
    # One more every two seconds.
    assert sum(answer.status_code == 404 for answer in answers) <= 31 + (time.monotonic() - started) / 2
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert (await client.get(f"/api/shared/{token}")).status_code == 200


async def test_shares_of_others_are_not_found(alice: ApiUser, bob: ApiUser, gateway: Gateway, video_id: UUID) -> None:
    made = await share(alice, video_id)
    for method, path in (
        ("POST", f"/api/videos/{video_id}/shares"), ("GET", f"/api/videos/{video_id}/shares"),
        ("DELETE", f"/api/shares/{made['id']}"), ("POST", f"/api/videos/{uuid4()}/shares"),
        ("DELETE", f"/api/shares/{uuid4()}"),
    ):  # fmt: skip
        response = await bob.request(method, path, json={} if method == "POST" else None)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert len((await alice.get(f"/api/videos/{video_id}/shares")).json()["data"]) == 1


@pytest.mark.parametrize("resolved", [{"embed_prompt": True}, {"seed": 7}])
async def test_a_file_with_its_prompt_is_shared_with_the_prompt_only(
    alice: ApiUser, gateway: Gateway, video_id: UUID, resolved: dict[str, Any]
) -> None:
    """Files of earlier releases have their prompts too, without `embed_prompt` in their recipes."""
    await change(gateway, Video, video_id, resolved=resolved)
    refused = await alice.post(f"/api/videos/{video_id}/shares", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "prompt_in_file")
    await share(alice, video_id, show_prompt=True)


async def test_what_cannot_be_shared(alice: ApiUser, gateway: Gateway, video_id: UUID) -> None:
    await change(gateway, Video, video_id, moderation_state="hidden", moderated_at=func.now())
    refused = await alice.post(f"/api/videos/{video_id}/shares", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "video_moderated")
    await change(gateway, Video, video_id, moderation_state="visible", trashed_at=func.now())
    assert (await alice.post(f"/api/videos/{video_id}/shares", json={})).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{"expires_in_days": 0}, {"expires_in_days": 366}, {"expires_in_days": "3"}, {"password": "short"},
     {"password": "x" * 257}, {"show_prompt": "yes"}, {"other": 1}],
)  # fmt: skip
async def test_other_requests_are_refused(alice: ApiUser, video_id: UUID, body: dict[str, Any]) -> None:
    assert (await alice.post(f"/api/videos/{video_id}/shares", json=body)).status_code == 422


async def test_a_link_can_live_until_it_is_revoked(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, video_id: UUID
) -> None:
    made = await share(alice, video_id, expires_in_days=None)
    assert made["expires_at"] is None
    assert (await client.get(f"/api/shared/{made['token']}")).status_code == 200
    assert (await alice.request("DELETE", f"/api/shares/{made['id']}")).status_code == 204
    assert (await alice.request("DELETE", f"/api/shares/{made['id']}")).status_code == 404
    share_id = UUID(made["id"])
    assert (await actions(gateway))[-2:] == [
        ("share_created", alice.id, share_id),
        ("share_revoked", alice.id, share_id),
    ]


async def test_the_number_of_links_is_limited(alice: ApiUser, video_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "MAX_PER_VIDEO", 3)
    made = await asyncio.gather(*(alice.post(f"/api/videos/{video_id}/shares", json={}) for _ in range(8)))
    assert sorted(response.status_code for response in made) == [201] * 3 + [409] * 5


async def test_new_links_are_limited_per_account(
    alice: ApiUser, bob: ApiUser, worker: Worker, video_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "SHARES_PER_MINUTE", 2)
    made = [await alice.post(f"/api/videos/{video_id}/shares", json={}) for _ in range(4)]
    assert [response.status_code for response in made] == [201, 201, 429, 429]
    assert int(made[-1].headers["retry-after"]) >= 1
    await share(bob, await make_video(worker, bob))


async def test_expired_links_are_listed_for_a_while_and_then_deleted(
    gateway: Gateway, alice: ApiUser, video_id: UUID
) -> None:
    made = await share(alice, video_id)

    async def purged_and_listed() -> tuple[int, int]:
        async with gateway.sessions.begin() as session:
            purged = await shares.purge(session, limit=10)
        return purged, len((await alice.get(f"/api/videos/{video_id}/shares")).json()["data"])

    await change(gateway, Share, made["id"], expires_at=func.now() - timedelta(days=shares.KEPT_DAYS) + HOUR)
    assert await purged_and_listed() == (0, 1)
    await change(gateway, Share, made["id"], expires_at=func.now() - timedelta(days=shares.KEPT_DAYS) - HOUR)
    assert await purged_and_listed() == (1, 0)
