"""The queue of reports, and decisions about videos."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from api.auth.dependencies import Auth
from api.dependencies import Gateway
from db import reports, users
from db.errors import ObjectMissing, StorageUnavailable
from db.storage import garbage_collection
from db.tables import Artifact, AuditEntry, BlockedHash, Mail, ModerationDecision, Report, ReportReason, Role, Share
from tests.api.conftest import ApiUser, Worker, create_user
from tests.api.public_videos import make_video, read_video
from tests.api.reports.test_routes import report, rows
from tests.api.shares.test_routes import share

BASE = b"a base clip"


async def promote(gateway: Gateway, user: ApiUser) -> ApiUser:
    async with gateway.sessions.begin() as session:
        await users.set_role(session, user.id, Role.MODERATOR)
    return user


@pytest.fixture
async def moderator(gateway: Gateway, bob: ApiUser) -> ApiUser:
    return await promote(gateway, bob)


@pytest.fixture
async def video_id(worker: Worker, alice: ApiUser) -> UUID:
    return await make_video(worker, alice, base=BASE, public=True, title="Circle")


async def decide(user: ApiUser, video_id: UUID, action: str, **body: str) -> httpx.Response:
    body = {"action": action, "reason": "violence", "statement": "It shows blood.", **body}
    return await user.post(f"/api/moderation/videos/{video_id}", json=body)


async def add_report(gateway: Gateway, video_id: UUID, reason: str = "spam", **values: Any) -> UUID:
    async with gateway.sessions.begin() as session:
        return await reports.add(session, video_id=video_id, reason=ReportReason(reason), **values)


async def queue(moderator: ApiUser, **query: Any) -> list[str]:
    page = (await moderator.get("/api/moderation/reports", params=query)).json()
    return [one["id"] for one in page["data"]]


async def test_only_moderators_and_administrators(gateway: Gateway, alice: ApiUser, video_id: UUID) -> None:
    for role, status in ((Role.USER, 403), (Role.MODERATOR, 200), (Role.ADMIN, 200)):
        async with gateway.sessions.begin() as session:
            await users.set_role(session, alice.id, role)
        assert (await alice.get("/api/moderation/reports")).status_code == status
        assert (await alice.get(f"/api/moderation/videos/{video_id}")).status_code == status
        assert (await decide(alice, video_id, "restore")).status_code == (403 if status == 403 else 409)
    assert (await alice.get(f"/api/moderation/videos/{uuid4()}")).status_code == 404
    assert (await decide(alice, uuid4(), "hide")).status_code == 404


async def test_the_queue_has_urgent_reports_first(
    client: httpx.AsyncClient, gateway: Gateway, moderator: ApiUser, worker: Worker, alice: ApiUser, video_id: UUID
) -> None:
    other = await make_video(worker, alice, b"other", public=True)
    spam, hate = await add_report(gateway, video_id), await add_report(gateway, video_id, "hate")
    urgent = await add_report(gateway, other, "minors", details="Look.", email="eve@example.org")
    order = [str(urgent), str(spam), str(hate)]
    assert await queue(moderator) == order
    seen: list[str] = []
    for _ in range(3):
        seen += await queue(moderator, limit=1, **({"after": seen[-1]} if seen else {}))
    assert seen == order
    first = (await moderator.get("/api/moderation/reports?limit=2")).json()
    assert (first["has_more"], first["last_id"]) == (True, str(spam))
    assert [one["reports_of_video"] for one in first["data"]] == [1, 2]
    assert first["data"][0] | {"created_at": 0} == {
        "id": str(urgent), "video_id": str(other), "reason": "minors", "details": "Look.", "email": "eve@example.org",
        "created_at": 0, "state": "open", "closed_at": None, "reports_of_video": 1,
    }  # fmt: skip
    assert (await decide(moderator, video_id, "restore")).status_code == 200
    assert await queue(moderator) == [str(urgent)]
    assert await queue(moderator, state="closed") == [str(hate), str(spam)]
    assert await queue(moderator, state="closed", after=str(hate)) == [str(spam)]


async def test_a_moderator_sees_everything_about_a_video(
    client: httpx.AsyncClient, gateway: Gateway, moderator: ApiUser, alice: ApiUser, video_id: UUID
) -> None:
    assert (await report(client, video_id, reason="ncii", email="eve@example.org")).status_code == 202
    view = (await moderator.get(f"/api/moderation/videos/{video_id}")).json()
    assert (view["title"], view["visibility"], view["moderation"]["state"]) == ("Circle", "public", "hidden")
    assert view["owner"]["id"] == str(alice.id)
    assert view["owner"]["email"].endswith("@example.org")
    assert [(one["reason"], one["email"]) for one in view["reports"]] == [("ncii", "eve@example.org")]
    assert [(one["action"], one["automatic"]) for one in view["decisions"]] == [("hide", True)]
    assert (await client.get(view["video"]["url"])).status_code == 200, "a hidden video can be judged"


async def test_a_hidden_video_is_seen_by_its_owner_with_the_statement(
    client: httpx.AsyncClient, gateway: Gateway, moderator: ApiUser, alice: ApiUser, video_id: UUID
) -> None:
    token = (await share(alice, video_id))["token"]
    links = [
        (await client.get(path)).json()["video"]["url"] for path in (f"/api/gallery/{video_id}", f"/api/shared/{token}")
    ]
    made = await decide(moderator, video_id, "hide")
    assert (made.status_code, made.json()["moderation"]["state"]) == (200, "hidden")
    for path in (f"/api/gallery/{video_id}", f"/api/shared/{token}"):
        assert (await client.get(path)).status_code == 404
    assert (await client.get("/api/gallery")).json()["data"] == []
    assert [(await client.get(link)).status_code for link in links] == [403, 403]
    own = (await alice.get(f"/api/videos/{video_id}")).json()
    state = own["moderation"]
    assert (state["state"], state["reason"], state["statement"]) == ("hidden", "violence", "It shows blood.")
    assert state["decided_at"] is not None
    assert (await client.get(own["video"]["url"])).status_code == 200
    (mail,) = await rows(gateway, Mail)
    assert "It shows blood." in mail.body
    assert "Circle" not in mail.subject
    entry = (await rows(gateway, AuditEntry))[-1]
    assert (entry.action, entry.actor_id, entry.target_id) == ("video_hidden", moderator.id, video_id)


async def test_a_restored_video_is_visible_again(
    client: httpx.AsyncClient, gateway: Gateway, moderator: ApiUser, video_id: UUID
) -> None:
    await report(client, video_id, reason="minors")
    assert (await decide(moderator, video_id, "restore", statement="It was a mistake.")).status_code == 200
    assert (await client.get(f"/api/gallery/{video_id}")).status_code == 200
    # The same report does not hide it again: a moderator has seen it.
    assert (await report(client, video_id, reason="minors")).status_code == 202
    assert (await client.get(f"/api/gallery/{video_id}")).status_code == 200
    assert len(await queue(moderator)) == 1
    assert [row.action for row in await rows(gateway, ModerationDecision)] == ["hide", "restore"]


async def test_a_rejected_video_is_gone(
    client: httpx.AsyncClient, gateway: Gateway, moderator: ApiUser, alice: ApiUser, worker: Worker, video_id: UUID
) -> None:
    token = (await share(alice, video_id))["token"]
    link = (await client.get(f"/api/gallery/{video_id}")).json()["video"]["url"]
    job_id = (await alice.get(f"/api/videos/{video_id}")).json()["job_id"]
    keys = [artifact.key for artifact in await rows(gateway, Artifact)]
    assert len(keys) == 3
    assert (await decide(moderator, video_id, "reject")).status_code == 200
    assert (await client.get(link)).status_code in (403, 404)
    assert (await client.get(f"/api/shared/{token}")).status_code == 404
    own = (await alice.get(f"/api/videos/{video_id}")).json()
    assert (own["moderation"]["state"], own["video"], own["poster"]) == ("rejected", None, None)
    assert (own["visibility"], own["finishable"]) == ("private", False)
    assert (await alice.get(f"/api/result/{job_id}", headers={"Accept": "application/json"})).status_code == 410
    assert await rows(gateway, Share) == []
    await garbage_collection.expired_bases(gateway.sessions, gateway.storage)
    for key in keys:
        with pytest.raises(ObjectMissing):
            await gateway.storage.size(key)
    assert await rows(gateway, Artifact) == []
    for action in ("hide", "reject", "restore"):
        refused = await decide(moderator, video_id, action)
        assert (refused.status_code, refused.json()["code"]) == (409, "already_decided")


async def test_a_removed_file_is_caught_when_it_returns(
    client: httpx.AsyncClient, gateway: Gateway, moderator: ApiUser, alice: ApiUser, worker: Worker, video_id: UUID
) -> None:
    await decide(moderator, video_id, "reject")
    async with gateway.sessions() as session:
        assert set(await session.scalars(select(BlockedHash.kind))) == {"video", "base"}
    carol = await create_user(gateway, gateway_auth(client), client)
    same_file = await make_video(worker, carol)
    same_base = await make_video(worker, carol, b"another size", base=BASE)
    harmless = await make_video(worker, carol, b"another", base=b"another base clip")
    for copy in (same_file, same_base):
        own = (await carol.get(f"/api/videos/{copy}")).json()
        assert (own["moderation"]["state"], own["video"], own["finishable"]) == ("rejected", None, False)
        assert "copy of one that a moderator has removed" in own["moderation"]["statement"]
        await carol.request("PATCH", f"/api/videos/{copy}", json={"visibility": "public"})
        assert (await client.get(f"/api/gallery/{copy}")).status_code == 404
        assert (await carol.post(f"/api/videos/{copy}/shares", json={})).status_code in (404, 409)
    assert (await read_video(worker, harmless)).moderation_state == "visible"
    (view,) = [(await moderator.get(f"/api/moderation/videos/{same_file}")).json()]
    assert [(one["action"], one["automatic"]) for one in view["decisions"]] == [("reject", True)]


def gateway_auth(client: httpx.AsyncClient) -> Auth:
    transport: Any = client._transport
    auth: Auth = transport.app.state.auth
    return auth


async def test_copies_that_exist_already_are_rejected_too(
    client: httpx.AsyncClient, gateway: Gateway, moderator: ApiUser, alice: ApiUser, worker: Worker, video_id: UUID
) -> None:
    same_file = await make_video(worker, alice, public=True)
    same_base = await make_video(worker, alice, b"another size", base=BASE, public=True)
    harmless = await make_video(worker, alice, b"another", base=b"another base clip", public=True)
    await decide(moderator, video_id, "reject")
    assert [one["id"] for one in (await client.get("/api/gallery")).json()["data"]] == [str(harmless)]
    for copy in (same_file, same_base):
        assert (await read_video(worker, copy)).moderation_state == "rejected"
    assert len(await rows(gateway, Mail)) == 3
    decisions = {row.video_id: row.automatic for row in await rows(gateway, ModerationDecision)}
    assert decisions == {video_id: False, same_file: True, same_base: True}


async def test_two_moderators_decide_at_once(
    gateway: Gateway, moderator: ApiUser, alice: ApiUser, client: httpx.AsyncClient, worker: Worker
) -> None:
    other = await promote(gateway, await create_user(gateway, gateway_auth(client), client))
    for n, (first, second) in enumerate(
        [("hide", "hide"), ("reject", "reject"), ("hide", "reject"), ("reject", "hide")]
    ):
        video_id = await make_video(worker, alice, str(n).encode(), public=True)
        await add_report(gateway, video_id)
        answers = await asyncio.gather(decide(moderator, video_id, first), decide(other, video_id, second))
        statuses = sorted(answer.status_code for answer in answers)
        state = (await read_video(worker, video_id)).moderation_state
        history = [row for row in await rows(gateway, ModerationDecision) if row.video_id == video_id]
        if first == second:
            assert statuses == [200, 409]
            assert len(history) == 1
        else:
            assert state == "rejected", "a rejection is final, in either order"
            assert len(history) == statuses.count(200)


async def test_a_decision_that_changes_nothing_is_refused(
    gateway: Gateway, moderator: ApiUser, client: httpx.AsyncClient, video_id: UUID
) -> None:
    assert (await decide(moderator, video_id, "restore")).status_code == 409
    await report(client, video_id, reason="minors")
    # Hidden by the report already: the moderator confirms it, and closes the report.
    assert (await decide(moderator, video_id, "hide")).status_code == 200
    assert (await decide(moderator, video_id, "hide")).status_code == 409
    assert await queue(moderator) == []


@pytest.mark.parametrize(
    "body", [{"action": "delete"}, {"reason": ""}, {"reason": "x" * 101}, {"statement": ""}, {"statement": "x" * 4001}]
)
async def test_other_decisions_are_refused(moderator: ApiUser, video_id: UUID, body: dict[str, str]) -> None:
    response = await decide(moderator, video_id, **{"action": "hide", **body})
    assert response.status_code == 422


async def test_no_mail_is_written_where_none_is_sent(
    gateway: Gateway, moderator: ApiUser, video_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(gateway.settings), "writes_mail", False)
    assert (await decide(moderator, video_id, "hide")).status_code == 200
    assert await rows(gateway, Mail) == []


async def test_objects_that_cannot_be_deleted_are_left_to_the_garbage_collection(
    gateway: Gateway, moderator: ApiUser, video_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StorageUnavailable

    keys = [artifact.key for artifact in await rows(gateway, Artifact)]
    with monkeypatch.context() as patched:
        patched.setattr(gateway.storage, "delete", fail)
        assert (await decide(moderator, video_id, "reject")).status_code == 200
    await garbage_collection.expired_bases(gateway.sessions, gateway.storage)
    await garbage_collection.orphans(gateway.sessions, gateway.storage, grace_seconds=-1)
    for key in keys:
        with pytest.raises(ObjectMissing):
            await gateway.storage.size(key)


async def test_a_decision_survives_its_moderator(gateway: Gateway, moderator: ApiUser, video_id: UUID) -> None:
    await decide(moderator, video_id, "hide")
    async with gateway.sessions.begin() as session:
        await users.remove(session, moderator.id)
    (decision,) = await rows(gateway, ModerationDecision)
    assert (decision.moderator_id, decision.automatic) == (None, False)


async def test_closed_reports_are_deleted_after_some_months(
    gateway: Gateway, moderator: ApiUser, video_id: UUID
) -> None:
    old, recent, still_open = [await add_report(gateway, video_id) for _ in range(3)]
    async with gateway.sessions.begin() as session:
        for row, days in ((old, 181), (recent, 179)):
            closed = update(Report).where(Report.id == row).values(closed_at=func.now() - timedelta(days=days))
            await session.execute(closed)
        await session.execute(update(Report).where(Report.id == still_open).values(created_at=func.now()))
        assert await reports.purge(session, limit=10) == 1
    assert {row.id for row in await rows(gateway, Report)} == {recent, still_open}
