import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from api import health
from api.app import create_app
from api.dependencies import Gateway
from api.settings import Settings
from tests.api.conftest import SPEC


@pytest.mark.parametrize("path", ["/healthz", "/test", "/readyz"])
async def test_a_healthy_gateway(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert (response.status_code, response.json()["status"]) == (200, "ok")


@pytest.fixture
async def no_database(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway whose database is unreachable."""
    url = "postgresql+asyncpg://nobody:nothing@127.0.0.1:1/none"
    app = create_app(settings.model_copy(update={"database_url": url}))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        client.headers["Authorization"] = f"Bearer {app.state.auth.tokens.issue(uuid4(), uuid4())}"
        yield client


async def test_a_gateway_without_database_is_live_and_not_ready(no_database: httpx.AsyncClient) -> None:
    assert (await no_database.get("/healthz")).status_code == 200
    for path in ("/test", "/readyz"):
        response = await no_database.get(path)
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert response.json()["checks"]["database"] != "ok"
        assert "127.0.0.1" not in response.text
        assert response.headers["retry-after"] == "2"


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/jobs"), ("POST", "/api/generate"), ("GET", "/api/me")])
async def test_requests_without_database_have_retry_after(
    no_database: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await no_database.request(method, path, json=SPEC if method == "POST" else None)
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert response.headers["retry-after"] == "1"


async def test_missing_migrations_are_not_ready(client: httpx.AsyncClient, gateway: Gateway) -> None:
    async with gateway.sessions.begin() as session:
        newest = await session.scalar(text("DELETE FROM alembic_version RETURNING version_num"))
    try:
        response = await client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["checks"] == {"database": "ok", "migrations": "NotMigrated", "storage": "ok"}
    finally:
        async with gateway.sessions.begin() as session:
            await session.execute(text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": newest})


async def test_a_broken_object_store_is_not_ready(client: httpx.AsyncClient, tmp_path: Path) -> None:
    os.close(os.open(tmp_path / "objects", os.O_CREAT))  # a file where the folder should be
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["storage"] == "StorageUnavailable"


@pytest.mark.parametrize("path", ["/test", "/readyz"])
async def test_concurrent_probes_share_one_check(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """They need no token, and each check takes a database connection."""
    running = {"now": 0, "most": 0}

    async def slow_ping(_: object) -> None:
        running["now"] += 1
        running["most"] = max(running.values())
        await asyncio.sleep(0.1)
        running["now"] -= 1

    monkeypatch.setattr(health, "ping", slow_ping)
    responses = await asyncio.gather(*(client.get(path) for _ in range(4)))
    assert {response.status_code for response in responses} == {200}
    assert running["most"] == 1
    assert (await client.get(path)).status_code == 200


async def test_a_probe_that_is_cancelled_does_not_fail_the_others(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow_ping(_: object) -> None:
        await asyncio.sleep(0.2)

    monkeypatch.setattr(health, "ping", slow_ping)
    first = asyncio.create_task(client.get("/test"))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(client.get("/test"))
    await asyncio.sleep(0.05)
    first.cancel()
    assert (await second).status_code == 200
