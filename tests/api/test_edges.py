"""Headers for browsers: security headers, HSTS, CORS, downloads, and when to try again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from api.app import create_app
from api.dependencies import Gateway
from api.middleware import SECURITY_HEADERS
from api.settings import Environment, Settings
from tests.api.conftest import ApiUser

APP = "https://app.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@asynccontextmanager
async def client_of(settings: Settings, **changed: object) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings.model_copy(update=changed))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        yield client
    await app.state.gateway.close()


@pytest.mark.parametrize("path", ["/healthz", "/api/me", "/nothing", "/api/gallery", "/api/files/x?signature=1"])
async def test_answers_cannot_be_embedded_sniffed_or_cached(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "server" not in headers
    for name in SECURITY_HEADERS:
        assert headers[name]


@pytest.mark.parametrize(
    ("public_url", "has_hsts"), [("https://gateway.test", True), ("http://gateway.test", False), ("", False)]
)
@pytest.mark.parametrize("path", ["/healthz", "/api/me", "/nothing"])
async def test_https_is_remembered_where_it_is_used(
    settings: Settings, public_url: str, has_hsts: bool, path: str
) -> None:
    async with client_of(settings, public_url=public_url) as client:
        found = (await client.get(path)).headers.get("strict-transport-security")
    assert found == ("max-age=31536000" if has_hsts else None)


@pytest.mark.parametrize("path", ["/api/me", "/api/gallery", "/api/auth/refresh", "/nothing"])
async def test_pages_of_a_listed_origin_may_read_answers(client: httpx.AsyncClient, path: str) -> None:
    preflight = await client.options(path, headers={"Origin": APP, **PREFLIGHT})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, APP)
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    answer = await client.get(path, headers={"Origin": APP})
    assert answer.headers["access-control-allow-origin"] == APP
    assert "retry-after" in answer.headers["access-control-expose-headers"].lower()
    assert "origin" in answer.headers["vary"].lower()


OTHERS = [
    "https://evil.example", "http://app.example", "https://app.example:8443", "https://app.example.evil.example",
    "https://evilapp.example", "https://sub.app.example", "null", "https://app.example/", "*", "https://APP.example",
    "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://localhost:1@evil.example",
]  # fmt: skip


@pytest.mark.parametrize("origin", OTHERS)
async def test_pages_of_other_origins_may_not(client: httpx.AsyncClient, alice: ApiUser, origin: str) -> None:
    preflight = await client.options("/api/me", headers={"Origin": origin, **PREFLIGHT})
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers
    assert "access-control-allow-origin" not in (await alice.get("/api/me", headers={"Origin": origin})).headers


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
async def test_a_page_cannot_use_other_methods(client: httpx.AsyncClient, method: str) -> None:
    headers = {"Origin": APP, "Access-Control-Request-Method": method}
    assert (await client.options("/api/me", headers=headers)).status_code == 400


async def test_pages_on_the_loopback_address_are_for_development(settings: Settings) -> None:
    page = {"Origin": "http://localhost:3000"}
    development = {"aura_env": Environment.DEVELOPMENT, "public_url": "http://127.0.0.1:8000"}
    async with client_of(settings, **development) as client:
        assert (await client.get("/healthz", headers=page)).headers["access-control-allow-origin"] == page["Origin"]
    for changed in ({"aura_env": Environment.PRODUCTION}, development | {"public_url": "https://gateway.test"}):
        async with client_of(settings, **changed) as client:
            assert "access-control-allow-origin" not in (await client.get("/healthz", headers=page)).headers


SHOWN = {
    "a.mp4": "video/mp4",
    "a.webm": "video/webm",
    "a.gif": "image/gif",
    "a.webp": "image/webp",
    "a.png": "image/png",
}


@pytest.mark.parametrize("name", [*SHOWN, "a.mkv", "a.json", "a.html", "a.svg", "a.js", "a"])
async def test_only_media_is_shown_and_the_rest_is_downloaded(
    client: httpx.AsyncClient, gateway: Gateway, name: str
) -> None:
    await gateway.storage.put(f"x/{name}", b"<script>alert(1)</script>", "text/html")
    url = gateway.storage.url(f"x/{name}", expires_seconds=60)
    answer = await client.get(url)
    assert answer.status_code == 200
    shown = name in SHOWN
    assert answer.headers.get("content-disposition") == (None if shown else f'attachment; filename="{name}"')
    assert answer.headers["content-type"] not in ("text/html", "image/svg+xml", "text/javascript")
    assert "sandbox" in answer.headers["content-security-policy"]
    named = await client.get(gateway.storage.url(f"x/{name}", expires_seconds=60, filename='a"\r\nx: y.mp4'))
    assert named.headers["content-disposition"].startswith("attachment; ")
    assert "\n" not in named.headers["content-disposition"]
    assert "x" not in named.headers


@pytest.mark.parametrize(("limit", "path"), [("registrations_per_minute", "/api/auth/register")])
async def test_a_rate_limit_names_the_time_of_the_next_try(
    client: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, limit: str, path: str
) -> None:
    monkeypatch.setattr(gateway.settings, limit, 1)
    body = {"email": "someone@example.org", "password": "correct horse battery"}
    assert (await client.post(path, json=body)).status_code == 201
    refused = await client.post(path, json=body | {"email": "other@example.org"})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 62


def test_every_429_and_503_of_the_code_has_a_time() -> None:
    """TooManyRequests and ServiceUnavailable are raised with `retry_after` everywhere."""
    for file in Path("api").rglob("*.py"):
        lines = file.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, 1):
            if "TooManyRequests(" in line or "ServiceUnavailable(" in line:
                assert "class " in line or "retry_after=" in line, f"{file}:{number}"
