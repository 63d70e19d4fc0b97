import asyncio
import json
import re

import httpx
import pytest
from sqlalchemy import text

from api.auth.cookies import REFRESH as COOKIE
from api.auth.dependencies import Auth
from api.dependencies import Gateway
from tests.api.accounts import PASSWORD, login, refresh
from tests.api.conftest import ApiUser


async def test_register_login_me(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    response = await login(client, account)
    assert response.status_code == 200
    body = response.json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 600)
    me = await client.get("/api/me", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert me.json()["email"] == account["email"]


async def test_the_cookie_is_sent_to_the_auth_routes_of_this_site_only(
    client: httpx.AsyncClient, account: dict[str, str]
) -> None:
    cookie = (await login(client, account)).headers["set-cookie"]
    assert re.search(r"Path=/api/auth;", cookie)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie, "the settings of the tests are those of development"


async def test_the_cookie_is_secure_outside_development(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "aura_env", "production")
    for cookie in (await login(client, account)).headers.get_list("set-cookie"):
        assert cookie.startswith("__Host-aura_")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie


async def test_only_hashes_are_stored(client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str]) -> None:
    token = (await login(client, account)).cookies[COOKIE]
    async with gateway.sessions() as session:
        stored = (await session.scalars(text("SELECT password_hash || refresh_hash FROM users, sessions"))).one()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in stored
    assert token not in stored


INVALID: list[tuple[str, object]] = [
    ("email", ""), ("email", "nobody"), ("email", "a@b@c"), ("email", "a b@example.org"), ("email", "a@-b.org"),
    ("email", "a" * 65 + "@example.org"), ("email", "é@example.org"), ("email", "a@example.org\n.x"),
    ("email", "a\x00@b.org"), ("password", ""), ("password", "short"), ("password", "eleven char"),
    ("password", "x" * 257), ("password", " " * 12), ("password", "passwordpassword"), ("password", "123456789012"),
    ("password", "someone@example.org"), ("password", "qwertyuiop[]"), ("password", "auraanim2026"),
    ("password", 12345678), ("other", 1),
]  # fmt: skip


async def test_invalid_credentials_are_refused_with_a_pointer(client: httpx.AsyncClient) -> None:
    for field, value in INVALID:
        body = {"email": "someone@example.org", "password": PASSWORD} | {field: value}
        response = await client.post("/api/auth/register", json=body)
        assert response.status_code == 422, (field, value)
        assert [error["pointer"] for error in response.json()["errors"]] == [f"/{field}"]
        assert PASSWORD not in response.text


async def test_a_password_with_a_lone_surrogate_is_refused(client: httpx.AsyncClient) -> None:
    content = rb'{"email": "someone@example.org", "password": "\ud800 12345678"}'
    response = await client.post("/api/auth/login", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/password"


async def test_unknown_address_and_wrong_password_are_indistinguishable(
    client: httpx.AsyncClient, account: dict[str, str]
) -> None:
    wrong = await login(client, account | {"password": "wrong password"})
    unknown = await login(client, {"email": "nobody@example.org", "password": PASSWORD})
    assert wrong.status_code == unknown.status_code == 401
    assert {**wrong.json(), "request_id": 0} == {**unknown.json(), "request_id": 0}
    assert wrong.json()["code"] == "wrong_credentials"


async def test_a_disabled_account_cannot_refresh(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str]
) -> None:
    await login(client, account)
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    refused = await client.post("/api/auth/refresh")
    assert (refused.status_code, refused.json()["code"]) == (401, "token_refused")


async def test_a_disabled_account_loses_access_immediately(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser
) -> None:
    assert (await alice.get("/api/me")).status_code == 200
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    assert (await alice.get("/api/me")).status_code == 401


async def test_refresh_rotates_the_cookie(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    old = (await login(client, account)).cookies[COOKIE]
    response = await client.post("/api/auth/refresh")
    assert response.status_code == 200
    assert response.json().keys() == {"access_token", "token_type", "expires_in"}
    assert client.cookies[COOKIE] != old
    assert (await client.post("/api/auth/refresh")).status_code == 200


async def test_reuse_of_a_rotated_cookie_revokes_the_family(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str]
) -> None:
    stolen = (await login(client, account)).cookies[COOKIE]
    assert (await client.post("/api/auth/refresh")).status_code == 200
    # After the grace period for concurrent requests of two tabs.
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE sessions SET rotated_at = rotated_at - interval '1 minute'"))
    current = client.cookies[COOKIE]
    client.cookies.clear()
    reused = await client.post("/api/auth/refresh", headers={"Cookie": f"{COOKIE}={stolen}"})
    assert (reused.status_code, reused.json()["code"]) == (401, "token_refused")
    revoked = await client.post("/api/auth/refresh", headers={"Cookie": f"{COOKIE}={current}"})
    assert revoked.status_code == 401


async def test_concurrent_refreshes_of_two_tabs_do_not_revoke_the_family(
    client: httpx.AsyncClient, account: dict[str, str]
) -> None:
    cookie = (await login(client, account)).cookies[COOKIE]
    client.cookies.clear()
    headers = {"Cookie": f"{COOKIE}={cookie}"}
    both = await asyncio.gather(*(client.post("/api/auth/refresh", headers=headers) for _ in range(2)))
    assert sorted(response.status_code for response in both) == [200, 401]
    winner = next(response for response in both if response.status_code == 200).cookies[COOKIE]
    client.cookies.clear()
    again = await client.post("/api/auth/refresh", headers={"Cookie": f"{COOKIE}={winner}"})
    assert again.status_code == 200


@pytest.mark.parametrize("cookie", ["", "unknown"])
async def test_refresh_without_a_valid_cookie_is_refused(client: httpx.AsyncClient, cookie: str) -> None:
    response = await client.post("/api/auth/refresh", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert response.status_code == 401


async def test_logout_revokes_the_refresh_token(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    cookie = (await login(client, account)).cookies[COOKIE]
    response = await client.post("/api/auth/logout")
    assert response.status_code == 204
    assert COOKIE not in client.cookies
    refused = await client.post("/api/auth/refresh", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert refused.status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://gateway.test"}, 200),
        ({"Origin": "https://app.example"}, 200),
        ({"Origin": "http://localhost:3000"}, 200),  # development
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}, 200),  # in ALLOWED_ORIGINS
        ({"Origin": "http://gateway.test", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://gateway.test", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Origin": "http://[x"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://app.example.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_cross_site_requests_with_the_cookie_are_refused(
    client: httpx.AsyncClient, account: dict[str, str], headers: dict[str, str], status: int
) -> None:
    await login(client, account)
    response = await client.post("/api/auth/refresh", headers=headers)
    assert response.status_code == status
    if status == 403:
        assert response.json()["code"] == "origin_refused"


async def test_localhost_is_a_foreign_origin_in_production(
    client: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "aura_env", "production")
    response = await client.post("/api/auth/logout", headers={"Origin": "http://localhost:3000"})
    assert response.status_code == 403


async def test_localhost_is_a_foreign_origin_of_a_gateway_that_others_reach(
    client: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "public_url", "https://aura.example")
    response = await client.post("/api/auth/logout", headers={"Origin": "http://localhost:3000"})
    assert response.status_code == 403


async def test_behind_tls_only_cookies_with_the_host_prefix_are_read(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of a sibling domain can set a cookie for all of them, but none with the prefix."""
    monkeypatch.setattr(gateway.settings, "public_url", "https://aura.example")
    signed_in = await login(client, account)
    assert {cookie.split("=")[0] for cookie in signed_in.headers.get_list("set-cookie")} == {
        "__Host-aura_refresh",
        "__Host-aura_device",
    }
    token = signed_in.cookies[f"__Host-{COOKIE}"]
    client.cookies.clear()
    for name, status in ((COOKIE, 401), (f"__Host-{COOKIE}", 200)):
        response = await client.post("/api/auth/refresh", headers={"Cookie": f"{name}={token}"})
        assert response.status_code == status, name


async def test_reuse_of_a_refresh_token_is_an_event_in_the_log(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    stolen = (await login(client, account)).cookies[COOKIE]
    await client.post("/api/auth/refresh")
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE sessions SET rotated_at = rotated_at - interval '1 minute'"))
    capsys.readouterr()
    await refresh(client, stolen)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (event,) = [line for line in lines if line["event"] == "refresh token reused"]
    assert event["level"] == "warning"
    assert event["user_id"]
    assert event["request_id"] == lines[-1]["request_id"]
    assert stolen not in str(lines)


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic eDp5", "Bearer a.b.c"])
async def test_a_request_without_a_valid_token_is_refused(client: httpx.AsyncClient, header: str | None) -> None:
    response = await client.get("/api/me", headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("path", "method"), [("login", "verify"), ("register", "hash")])
async def test_no_database_connection_is_held_while_a_password_is_hashed(
    client: httpx.AsyncClient, gateway: Gateway, auth: Auth, monkeypatch: pytest.MonkeyPatch, path: str, method: str
) -> None:
    original, checked_out = getattr(auth.passwords, method), []

    async def watched(*arguments: str) -> object:
        checked_out.append(gateway.engine.pool.checkedout())  # type: ignore[attr-defined]
        return await original(*arguments)

    monkeypatch.setattr(auth.passwords, method, watched)
    await client.post(f"/api/auth/{path}", json={"email": "someone@example.org", "password": PASSWORD})
    assert checked_out == [0]
