"""The number of views: a visitor counts once in ten minutes, and a view costs no statement."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from api.dependencies import Gateway
from api.shares import views
from api.shares.views import ShareViews
from db import shares
from tests.api.conftest import ApiUser, StartServer, Worker
from tests.api.public_videos import make_video
from tests.api.shares.test_routes import share


@pytest.fixture
def counter(app: FastAPI) -> ShareViews:
    counter: ShareViews = app.state.share_views
    return counter


@pytest.fixture
async def video_id(worker: Worker, alice: ApiUser) -> UUID:
    return await make_video(worker, alice)


@pytest.fixture
async def made(alice: ApiUser, video_id: UUID) -> dict[str, str]:
    return await share(alice, video_id)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(views.time, "monotonic", lambda: now[0])
    return now


async def shown(alice: ApiUser, video_id: UUID) -> list[int]:
    return [one["views"] for one in (await alice.get(f"/api/videos/{video_id}/shares")).json()["data"]]


async def test_views_are_written_in_batches(
    client: httpx.AsyncClient,
    gateway: Gateway,
    counter: ShareViews,
    alice: ApiUser,
    video_id: UUID,
    made: dict[str, str],
) -> None:
    statements: list[str] = []
    event.listen(gateway.engine.sync_engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    for _ in range(5):
        assert (await client.get(f"/api/shared/{made['token']}")).status_code == 200
    assert not [statement for statement in statements if not statement.lstrip().startswith("SELECT")]
    for n in range(3):
        counter.count(UUID(made["id"]), f"203.0.113.{n}")
    assert await shown(alice, video_id) == [0]
    await counter.flush()
    assert await shown(alice, video_id) == [4]
    await counter.flush()
    assert await shown(alice, video_id) == [4]


async def test_a_visitor_counts_once_in_ten_minutes(
    clock: list[float], counter: ShareViews, alice: ApiUser, video_id: UUID, made: dict[str, str]
) -> None:
    share_id = UUID(made["id"])
    for seconds, host in (
        (0, "203.0.113.1"),
        (599, "203.0.113.1"),
        (1, "203.0.113.1"),
        (0, "2001:db8::1"),
        (0, "2001:db8::2"),
    ):
        clock[0] += seconds
        counter.count(share_id, host)
    await counter.flush()
    assert await shown(alice, video_id) == [3]


async def test_the_memory_of_visits_is_bounded(
    clock: list[float], counter: ShareViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MAX_VISITS", 10)
    monkeypatch.setattr(views, "MAX_UNWRITTEN", 5)
    for n in range(100):
        counter.count(uuid4(), f"10.0.0.{n}")
    assert (len(counter._visits), len(counter._unwritten)) == (10, 5)
    clock[0] += 601
    counter.count(uuid4(), "10.0.0.1")
    assert len(counter._visits) == 1


async def test_views_are_kept_while_they_cannot_be_written(
    counter: ShareViews, alice: ApiUser, video_id: UUID, made: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ConnectionRefusedError

    counter.count(UUID(made["id"]), "203.0.113.1")
    with monkeypatch.context() as patched:
        patched.setattr(shares, "add_views", fail)
        with pytest.raises(ConnectionRefusedError):
            await counter.flush()
        counter.count(UUID(made["id"]), "203.0.113.2")
    await counter.flush()
    assert await shown(alice, video_id) == [2]


async def test_views_of_revoked_shares_are_dropped(counter: ShareViews, alice: ApiUser, made: dict[str, str]) -> None:
    counter.count(UUID(made["id"]), "203.0.113.1")
    await alice.request("DELETE", f"/api/shares/{made['id']}")
    await counter.flush()
    assert not counter._unwritten


async def test_gateways_write_at_once(gateway: Gateway, worker: Worker, alice: ApiUser, video_id: UUID) -> None:
    ids = [UUID((await share(alice, video_id))["id"]) for _ in range(5)]
    counters = [ShareViews(gateway.sessions) for _ in range(4)]
    for n, one in enumerate(counters):
        for share_id in ids if n % 2 else reversed(ids):
            one.count(share_id, f"203.0.113.{n}")
    await asyncio.gather(*(one.flush() for one in counters))
    assert await shown(alice, video_id) == [4] * 5


async def test_a_gateway_that_stops_writes_its_views(
    start_server: StartServer, alice: ApiUser, video_id: UUID, made: dict[str, str]
) -> None:
    with start_server() as server:
        async with httpx.AsyncClient() as visitor:
            assert (await visitor.get(f"{server.http}/api/shared/{made['token']}")).status_code == 200
    assert await shown(alice, video_id) == [1]
