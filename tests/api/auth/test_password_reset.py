"""Forgotten and changed passwords."""

import httpx
import pytest
from sqlalchemy import select, text

from api.auth.cookies import REFRESH
from api.auth.passwords import Passwords
from api.dependencies import Gateway
from db.tables import Mail
from tests.api.accounts import PASSWORD, bearer, login, refresh

NEW = "another horse and its battery"


async def links(gateway: Gateway) -> list[str]:
    async with gateway.sessions() as session:
        found = await session.scalars(select(Mail).where(Mail.ended_at.is_(None)).order_by(Mail.id))
        return [mail.body.partition("#token=")[2].split()[0] for mail in found if "#token=" in mail.body]


async def forget(client: httpx.AsyncClient, email: str) -> httpx.Response:
    return await client.post("/api/auth/password/forgot", json={"email": email})


async def reset(client: httpx.AsyncClient, token: str, password: str = NEW) -> httpx.Response:
    return await client.post("/api/auth/password/reset", json={"token": token, "password": password})


async def test_a_link_sets_a_new_password_once_and_signs_everybody_out(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str]
) -> None:
    signed_in = await login(client, account)
    assert (await forget(client, account["email"])).status_code == 202
    (token,) = await links(gateway)
    assert (await reset(client, token)).status_code == 204
    assert (await client.get("/api/me", headers=bearer(signed_in))).status_code == 401
    assert (await refresh(client, signed_in.cookies[REFRESH])).status_code == 401
    assert (await login(client, account)).status_code == 401
    assert (await login(client, account, password=NEW)).status_code == 200
    again = await reset(client, token, "a third horse without battery")
    assert (again.status_code, again.json()["code"]) == (403, "link_used")


async def test_known_and_unknown_addresses_are_indistinguishable(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str]
) -> None:
    known, unknown = await forget(client, account["email"]), await forget(client, "nobody@example.org")
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    async with gateway.sessions() as session:
        rows = (await session.execute(text("SELECT recipient, body = '' AS empty, ended_at IS NULL FROM mails"))).all()
    assert sorted(tuple(row) for row in rows) == [("", True, False), (account["email"], False, True)]


@pytest.mark.parametrize(
    "change", ["expires_at = now()", "purpose = 'registration'", "user_id = NULL", "token_hash = 'x'"]
)
async def test_other_tokens_are_refused(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str], change: str
) -> None:
    await forget(client, account["email"])
    (token,) = await links(gateway)
    async with gateway.sessions.begin() as session:
        await session.execute(text(f"UPDATE one_time_tokens SET {change}"))
    assert (await reset(client, token)).status_code == 403
    assert (await login(client, account)).status_code == 200


async def test_a_disabled_account_cannot_be_reset(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str]
) -> None:
    await forget(client, account["email"])
    (token,) = await links(gateway)
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    assert (await reset(client, token)).status_code == 403


async def test_a_weak_password_does_not_use_the_link_up(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str]
) -> None:
    await forget(client, account["email"])
    (token,) = await links(gateway)
    assert (await reset(client, token, "passwordpassword")).status_code == 422
    assert (await reset(client, token)).status_code == 204


async def test_without_mail_there_is_no_link(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "aura_env", "production")
    refused = await forget(client, account["email"])
    assert (refused.status_code, refused.json()["code"]) == (403, "mail_disabled")


async def test_a_changed_password_ends_the_other_sessions(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str]
) -> None:
    here, there = await login(client, account), await login(client, account)
    await forget(client, account["email"])
    (token,) = await links(gateway)
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert (await client.post("/api/me/password", json=body, headers=bearer(here))).status_code == 204
    assert (await client.get("/api/me", headers=bearer(here))).status_code == 200
    assert (await client.get("/api/me", headers=bearer(there))).status_code == 401
    assert (await reset(client, token)).status_code == 403, "a pending link is useless"
    assert (await login(client, account)).status_code == 401
    assert (await login(client, account, password=NEW)).status_code == 200


async def test_the_current_password_is_required_and_its_guesses_are_limited(
    client: httpx.AsyncClient, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> bool:
        return False

    headers = bearer(await login(client, account))
    monkeypatch.setattr(Passwords, "verify", never)
    body = {"current_password": "a wrong password", "new_password": NEW}
    responses = [await client.post("/api/me/password", json=body, headers=headers) for _ in range(11)]
    assert [response.status_code for response in responses] == [403] * 10 + [429]
    assert responses[0].json()["code"] == "wrong_password"


async def test_a_new_password_must_follow_the_rules(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    headers = bearer(await login(client, account))
    for new in ("short", "passwordpassword", account["email"]):
        body = {"current_password": PASSWORD, "new_password": new}
        refused = await client.post("/api/me/password", json=body, headers=headers)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/new_password")
