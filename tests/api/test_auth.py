import asyncio
import re
import statistics
import time
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from api import auth
from api.auth import COOKIE
from api.edge import Gateway
from tests.api.conftest import Person

PASSWORD = "correct horse battery"


@pytest.fixture
async def account(client: httpx.AsyncClient) -> dict[str, str]:
    made = {"email": f"{uuid4().hex}@example.org", "password": PASSWORD}
    response = await client.post("/api/auth/register", json=made)
    assert response.status_code == 201
    assert response.json().keys() == {"id", "email", "created_at"}
    return made


async def login(client: httpx.AsyncClient, account: dict[str, str]) -> httpx.Response:
    return await client.post("/api/auth/login", json=account)


async def test_register_login_me(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    response = await login(client, account)
    assert response.status_code == 200
    body = response.json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
    me = await client.get("/api/me", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert me.json()["email"] == account["email"]


async def test_the_cookie_is_shown_to_the_auth_routes_of_this_site_only(
    client: httpx.AsyncClient, account: dict[str, str]
) -> None:
    cookie = (await login(client, account)).headers["set-cookie"]
    assert re.search(r"Path=/api/auth;", cookie)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie  # development


async def test_the_cookie_is_secure_outside_development(
    client: httpx.AsyncClient, parts: Gateway, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts.settings, "AURA_ENV", "production")
    assert "Secure" in (await login(client, account)).headers["set-cookie"]


async def test_only_hashes_are_stored(client: httpx.AsyncClient, parts: Gateway, account: dict[str, str]) -> None:
    token = (await login(client, account)).cookies[COOKIE]
    async with parts.sessions() as session:
        stored = (await session.scalars(text("SELECT password_hash || refresh_hash FROM users, sessions"))).one()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in stored
    assert token not in stored


async def test_an_address_has_one_account_whatever_its_case(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    again = await client.post("/api/auth/register", json=account | {"email": account["email"].upper()})
    assert (again.status_code, again.json()["code"]) == (409, "email_taken")


BAD: list[tuple[str, object]] = [
    ("email", ""), ("email", "nobody"), ("email", "a@b@c"), ("email", "a b@example.org"), ("email", "a@-b.org"),
    ("email", "a" * 65 + "@example.org"), ("email", "é@example.org"), ("email", "a@example.org\n.x"),
    ("email", "a\x00@b.org"), ("password", ""), ("password", "short"), ("password", "x" * 257),
    ("password", 12345678), ("other", 1),
]  # fmt: skip


async def test_bad_credentials_are_refused_with_a_pointer(client: httpx.AsyncClient) -> None:
    for field, value in BAD:
        body = {"email": "someone@example.org", "password": PASSWORD} | {field: value}
        response = await client.post("/api/auth/register", json=body)
        assert response.status_code == 422, (field, value)
        assert [error["pointer"] for error in response.json()["errors"]] == [f"/{field}"]
        assert PASSWORD not in response.text


async def test_a_lone_surrogate_is_no_password(client: httpx.AsyncClient) -> None:
    content = rb'{"email": "someone@example.org", "password": "\ud800 12345678"}'
    response = await client.post("/api/auth/login", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/password"


async def test_unknown_address_and_wrong_password_look_alike(
    client: httpx.AsyncClient, account: dict[str, str]
) -> None:
    wrong = await login(client, account | {"password": "wrong password"})
    unknown = await login(client, {"email": "nobody@example.org", "password": PASSWORD})
    assert wrong.status_code == unknown.status_code == 401
    assert {**wrong.json(), "request_id": 0} == {**unknown.json(), "request_id": 0}
    assert wrong.json()["code"] == "wrong_credentials"


async def test_an_unknown_address_costs_a_hash(parts: Gateway) -> None:
    """The hash is nine tenths of a login: without it an unknown address answers at once."""
    known = await parts.passwords.hash(PASSWORD)

    async def seconds(password_hash: str | None) -> float:
        started = time.perf_counter()
        assert not await parts.passwords.verify("another password", password_hash)
        return time.perf_counter() - started

    unknown = statistics.median([await seconds(None) for _ in range(5)])
    wrong = statistics.median([await seconds(known) for _ in range(5)])
    assert 0.4 < unknown / wrong < 2.5


async def test_failed_logins_are_limited_per_account(
    client: httpx.AsyncClient, parts: Gateway, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts.logins, "_size", 3.0)
    for _ in range(5):
        assert (await login(client, account)).status_code == 200  # good ones are not counted
    for _ in range(3):
        assert (await login(client, account | {"password": "wrong password"})).status_code == 401
    refused = await login(client, account)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert int(refused.headers["retry-after"]) >= 1


async def test_a_stranger_does_not_lock_the_owner_out(
    client: httpx.AsyncClient, parts: Gateway, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = iter(["203.0.113.9"] * 11 + ["192.0.2.1"])
    monkeypatch.setattr(auth, "client_host", lambda _: next(hosts))
    answers = [(await login(client, account | {"password": "wrong password"})).status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert (await login(client, account)).status_code == 200


async def test_many_strangers_together_are_slowed_down(
    client: httpx.AsyncClient, parts: Gateway, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts.logins_at_large, "_size", 3.0)
    hosts = (f"192.0.2.{n}" for n in range(4))
    monkeypatch.setattr(auth, "client_host", lambda _: next(hosts))
    answers = [(await login(client, account | {"password": "wrong password"})).status_code for _ in range(4)]
    assert answers == [401] * 3 + [429]


async def test_one_address_does_not_try_all_accounts(
    client: httpx.AsyncClient, parts: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts.logins_at_large, "_size", 3.0)
    tries = [{"email": f"{n}@example.org", "password": PASSWORD} for n in range(4)]
    assert [(await login(client, each)).status_code for each in tries] == [401] * 3 + [429]


async def test_only_wrong_credentials_use_up_tries(
    client: httpx.AsyncClient, parts: Gateway, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(parts.logins, "_size", 3.0)
    with monkeypatch.context() as outage:
        outage.setattr(auth.users, "by_email", away)
        assert [(await login(client, account)).status_code for _ in range(5)] == [503] * 5
    assert (await login(client, account)).status_code == 200


async def test_a_disabled_account_is_not_refreshed(
    client: httpx.AsyncClient, parts: Gateway, account: dict[str, str]
) -> None:
    await login(client, account)
    async with parts.sessions.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    refused = await client.post("/api/auth/refresh")
    assert (refused.status_code, refused.json()["code"]) == (401, "token_refused")


async def test_a_disabled_account_is_out_at_once(client: httpx.AsyncClient, parts: Gateway, alice: Person) -> None:
    assert (await alice.get("/api/me")).status_code == 200
    async with parts.sessions.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    assert (await alice.get("/api/me")).status_code == 401


async def test_refresh_rotates(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    old = (await login(client, account)).cookies[COOKIE]
    response = await client.post("/api/auth/refresh")
    assert response.status_code == 200
    assert response.json().keys() == {"access_token", "token_type", "expires_in"}
    assert client.cookies[COOKIE] != old
    assert (await client.post("/api/auth/refresh")).status_code == 200


async def test_a_stolen_cookie_ends_the_sign_in_everywhere(
    client: httpx.AsyncClient, parts: Gateway, account: dict[str, str]
) -> None:
    stolen = (await login(client, account)).cookies[COOKIE]
    assert (await client.post("/api/auth/refresh")).status_code == 200
    async with parts.sessions.begin() as session:  # later than the grace for a second tab
        await session.execute(text("UPDATE sessions SET rotated_at = rotated_at - interval '1 minute'"))
    mine = client.cookies[COOKIE]
    client.cookies.clear()
    thief = await client.post("/api/auth/refresh", headers={"Cookie": f"{COOKIE}={stolen}"})
    assert (thief.status_code, thief.json()["code"]) == (401, "token_refused")
    mine_now = await client.post("/api/auth/refresh", headers={"Cookie": f"{COOKIE}={mine}"})
    assert mine_now.status_code == 401


async def test_two_tabs_at_once_are_no_theft(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    cookie = (await login(client, account)).cookies[COOKIE]
    client.cookies.clear()
    headers = {"Cookie": f"{COOKIE}={cookie}"}
    both = await asyncio.gather(*(client.post("/api/auth/refresh", headers=headers) for _ in range(2)))
    assert sorted(answer.status_code for answer in both) == [200, 401]
    winner = next(answer for answer in both if answer.status_code == 200).cookies[COOKIE]
    client.cookies.clear()
    again = await client.post("/api/auth/refresh", headers={"Cookie": f"{COOKIE}={winner}"})
    assert again.status_code == 200


@pytest.mark.parametrize("cookie", ["", "unknown"])
async def test_without_a_good_cookie_there_is_no_refresh(client: httpx.AsyncClient, cookie: str) -> None:
    response = await client.post("/api/auth/refresh", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert response.status_code == 401


async def test_logout_ends_the_sign_in(client: httpx.AsyncClient, account: dict[str, str]) -> None:
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
async def test_pages_of_other_sites_may_not_use_the_cookie(
    client: httpx.AsyncClient, account: dict[str, str], headers: dict[str, str], status: int
) -> None:
    await login(client, account)
    response = await client.post("/api/auth/refresh", headers=headers)
    assert response.status_code == status
    if status == 403:
        assert response.json()["code"] == "origin_refused"


async def test_localhost_is_a_stranger_in_production(
    client: httpx.AsyncClient, parts: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts.settings, "AURA_ENV", "production")
    response = await client.post("/api/auth/logout", headers={"Origin": "http://localhost:3000"})
    assert response.status_code == 403


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic eDp5", "Bearer a.b.c"])
async def test_without_a_good_token_nothing_is_told(client: httpx.AsyncClient, header: str | None) -> None:
    response = await client.get("/api/me", headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("path", "work"), [("login", "verify"), ("register", "hash")])
async def test_no_database_connection_is_held_while_a_password_is_hashed(
    client: httpx.AsyncClient, parts: Gateway, monkeypatch: pytest.MonkeyPatch, path: str, work: str
) -> None:
    hashing, held = getattr(parts.passwords, work), []

    async def watched(*arguments: str) -> object:
        held.append(parts.engine.pool.checkedout())  # type: ignore[attr-defined]
        return await hashing(*arguments)

    monkeypatch.setattr(parts.passwords, work, watched)
    await client.post(f"/api/auth/{path}", json={"email": "someone@example.org", "password": PASSWORD})
    assert held == [0]
