"""Reports without an account: what can be reported, how often, and what an urgent report does."""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from api.dependencies import Gateway
from api.reports import submit
from db import reports
from db.tables import AuditEntry, Mail, ModerationDecision, Report, User, Video
from tests.api.conftest import ApiUser, Worker
from tests.api.public_videos import make_video, read_video
from tests.api.shares.test_passwords import come_from  # noqa: F401  (a fixture)
from tests.api.shares.test_routes import share


@pytest.fixture
async def video_id(worker: Worker, alice: ApiUser) -> UUID:
    return await make_video(worker, alice, public=True, title="Circle")


async def report(client: httpx.AsyncClient, video_id: UUID | None = None, **body: Any) -> httpx.Response:
    target = {} if video_id is None else {"video_id": str(video_id)}
    return await client.post("/api/reports", json={"reason": "spam", **target, **body})


async def rows(gateway: Gateway, table: type[Any]) -> list[Any]:
    async with gateway.sessions() as session:
        return list(await session.scalars(select(table).order_by(table.id)))


async def test_a_visitor_reports_a_published_video(
    client: httpx.AsyncClient, gateway: Gateway, video_id: UUID, alice: ApiUser
) -> None:
    response = await report(client, video_id, reason="copyright", details="Mine.", email="eve@example.org")
    assert response.status_code == 202
    (row,) = await rows(gateway, Report)
    assert response.json() == {"id": str(row.id)}
    assert (row.video_id, row.reason, row.details, row.email) == (video_id, "copyright", "Mine.", "eve@example.org")
    assert (await client.get(f"/api/gallery/{video_id}")).status_code == 200, "it stays until a moderator decides"
    assert "eve@example.org" not in (await alice.get(f"/api/videos/{video_id}")).text


async def test_a_visitor_reports_a_shared_video(
    client: httpx.AsyncClient, gateway: Gateway, worker: Worker, alice: ApiUser
) -> None:
    private = await make_video(worker, alice)
    token = (await share(alice, private, password="blue-parrot-42"))["token"]
    assert (await report(client, share_token=token)).status_code == 202
    assert [row.video_id for row in await rows(gateway, Report)] == [private]


async def test_what_visitors_cannot_see_cannot_be_reported(
    client: httpx.AsyncClient, gateway: Gateway, worker: Worker, alice: ApiUser, video_id: UUID
) -> None:
    private = await make_video(worker, alice)
    answers = [
        await report(client, private),
        await report(client, uuid4()),
        await report(client, share_token="A" * 22),
    ]
    async with gateway.sessions.begin() as session:
        await session.execute(update(Video).values(moderation_state="hidden", moderated_at=func.now()))
    answers.append(await report(client, video_id))
    assert {response.status_code for response in answers} == {404}
    assert len({str({**response.json(), "request_id": 0}) for response in answers}) == 1
    assert await rows(gateway, Report) == []


@pytest.mark.parametrize(
    "body",
    [{}, {"video_id": str(UUID(int=1)), "share_token": "x"}, {"video_id": str(UUID(int=1)), "reason": "dislike"},
     {"video_id": str(UUID(int=1)), "details": "x" * 2001}, {"video_id": str(UUID(int=1)), "email": "nobody"}],
)  # fmt: skip
async def test_other_reports_are_refused(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await report(client, **body)).status_code == 422


@pytest.mark.parametrize("reason", ["minors", "ncii"])
async def test_an_urgent_report_hides_the_video_at_once(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, video_id: UUID, reason: str
) -> None:
    token = (await share(alice, video_id))["token"]
    media = (await client.get(f"/api/gallery/{video_id}")).json()["video"]["url"]
    assert (await client.get(media)).status_code == 200
    assert (await report(client, video_id, reason=reason)).status_code == 202
    for path in (f"/api/gallery/{video_id}", f"/api/shared/{token}"):
        assert (await client.get(path)).status_code == 404
    refused = await client.get(media)
    assert (refused.status_code, refused.json()["code"]) == (403, "link_refused")
    own = (await alice.get(f"/api/videos/{video_id}")).json()
    assert (own["moderation"]["state"], own["moderation"]["reason"]) == ("hidden", reason)
    assert "until a moderator has looked at it" in own["moderation"]["statement"]
    assert (await client.get(own["video"]["url"])).status_code == 200, "its owner still sees it"
    (decision,) = await rows(gateway, ModerationDecision)
    assert (decision.action, decision.automatic, decision.moderator_id) == ("hide", True, None)
    entry = (await rows(gateway, AuditEntry))[-1]
    assert (entry.action, entry.actor_id, entry.target_id) == ("video_hidden_by_report", None, video_id)
    (mail,) = await rows(gateway, Mail)
    async with gateway.sessions() as session:
        assert mail.recipient == (await session.get_one(User, alice.id)).email
    assert '"Circle" is hidden' in mail.body


async def test_parallel_urgent_reports_hide_once(client: httpx.AsyncClient, gateway: Gateway, video_id: UUID) -> None:
    answers = await asyncio.gather(*(report(client, video_id, reason="minors") for _ in range(5)))
    assert 202 in {response.status_code for response in answers} <= {202, 404}
    assert len(await rows(gateway, ModerationDecision)) == 1
    assert len(await rows(gateway, Mail)) == 1


async def test_reports_are_limited_per_network_and_site(
    client: httpx.AsyncClient,
    gateway: Gateway,
    video_id: UUID,
    come_from: Callable[[str], None],  # noqa: F811
) -> None:
    answers = [await report(client, video_id) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429] * 2
    assert int(answers[10].headers["retry-after"]) >= 30
    accepted, started = 0, time.monotonic()
    for n in range(40):
        come_from(f"203.0.113.{n}")
        accepted += (await report(client, video_id)).status_code == 202
    assert 30 <= accepted <= 31 + (time.monotonic() - started) / 20
    come_from("198.51.100.1")
    assert (await report(client, video_id)).status_code == 202


async def test_urgent_reports_are_limited_more(client: httpx.AsyncClient, worker: Worker, alice: ApiUser) -> None:
    made = [await make_video(worker, alice, str(n).encode(), public=True) for n in range(7)]
    statuses = [(await report(client, video_id, reason="ncii")).status_code for video_id in made]
    assert statuses == [202] * 5 + [429] * 2
    assert (await read_video(worker, made[6])).moderation_state == "visible"
    assert (await report(client, made[6], reason="spam")).status_code == 202


async def test_a_flood_of_reports_is_not_stored(
    client: httpx.AsyncClient, gateway: Gateway, video_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MAX_OPEN", 3)
    monkeypatch.setattr(submit, "PER_NETWORK", 1000)
    for _ in range(6):
        assert (await report(client, video_id)).status_code == 202
    assert (await report(client, video_id, reason="hate")).status_code == 202
    assert sorted(row.reason for row in await rows(gateway, Report)) == ["hate", "spam", "spam", "spam"]
