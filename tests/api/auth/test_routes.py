import asyncio
import re
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from api.auth import routes
from api.auth.dependencies import Auth
from api.auth.routes import COOKIE
from api.dependencies import Gateway
from tests.api.conftest import ApiUser

PASSWORD = "correct horse battery"


@pytest.fixture
async def account(client: httpx.AsyncClient) -> dict[str, str]:
    credentials = {"email": f"{uuid4().hex}@example.org", "password": PASSWORD}
    response = await client.post("/api/auth/register", json=credentials)
    assert response.status_code == 201
    assert response.json().keys() == {"id", "email", "created_at"}
    return credentials


async def login(client: httpx.AsyncClient, account: dict[str, str]) -> httpx.Response:
    return await client.post("/api/auth/login", json=account)


async def test_register_login_me(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    response = await login(client, account)
    assert response.status_code == 200
    body = response.json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
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
    assert "Secure" in (await login(client, account)).headers["set-cookie"]


async def test_only_hashes_are_stored(client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str]) -> None:
    token = (await login(client, account)).cookies[COOKIE]
    async with gateway.sessions() as session:
        stored = (await session.scalars(text("SELECT password_hash || refresh_hash FROM users, sessions"))).one()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in stored
    assert token not in stored


async def test_email_addresses_are_unique_case_insensitively(
    client: httpx.AsyncClient, account: dict[str, str]
) -> None:
    again = await client.post("/api/auth/register", json=account | {"email": account["email"].upper()})
    assert (again.status_code, again.json()["code"]) == (409, "email_taken")


INVALID: list[tuple[str, object]] = [
    ("email", ""), ("email", "nobody"), ("email", "a@b@c"), ("email", "a b@example.org"), ("email", "a@-b.org"),
    ("email", "a" * 65 + "@example.org"), ("email", "é@example.org"), ("email", "a@example.org\n.x"),
    ("email", "a\x00@b.org"), ("password", ""), ("password", "short"), ("password", "x" * 257),
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


async def test_failed_logins_are_limited_per_account(
    client: httpx.AsyncClient, auth: Auth, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth.logins, "_capacity", 3.0)
    for _ in range(5):
        assert (await login(client, account)).status_code == 200  # successful logins are not counted
    for _ in range(3):
        assert (await login(client, account | {"password": "wrong password"})).status_code == 401
    refused = await login(client, account)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert int(refused.headers["retry-after"]) >= 1


async def test_failures_from_another_address_do_not_lock_the_owner_out(
    client: httpx.AsyncClient, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = iter(["203.0.113.9"] * 11 + ["192.0.2.1"])
    monkeypatch.setattr(routes, "client_host", lambda _: next(hosts))
    responses = [(await login(client, account | {"password": "wrong password"})).status_code for _ in range(11)]
    assert responses == [401] * 10 + [429]
    assert (await login(client, account)).status_code == 200


async def test_failed_logins_are_limited_per_account_over_all_addresses(
    client: httpx.AsyncClient, auth: Auth, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth.logins_per_key, "_capacity", 3.0)
    hosts = (f"192.0.2.{n}" for n in range(4))
    monkeypatch.setattr(routes, "client_host", lambda _: next(hosts))
    responses = [(await login(client, account | {"password": "wrong password"})).status_code for _ in range(4)]
    assert responses == [401] * 3 + [429]


async def test_failed_logins_are_limited_per_address_over_all_accounts(
    client: httpx.AsyncClient, auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth.logins_per_key, "_capacity", 3.0)
    attempts = [{"email": f"{n}@example.org", "password": PASSWORD} for n in range(4)]
    assert [(await login(client, each)).status_code for each in attempts] == [401] * 3 + [429]


async def test_only_wrong_credentials_count_as_failed_logins(
    client: httpx.AsyncClient, auth: Auth, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(auth.logins, "_capacity", 3.0)
    with monkeypatch.context() as outage:
        outage.setattr(routes.users, "by_email", unreachable)
        assert [(await login(client, account)).status_code for _ in range(5)] == [503] * 5
    assert (await login(client, account)).status_code == 200


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
