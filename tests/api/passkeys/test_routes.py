"""Passkeys with a software authenticator: registration, sign-in, renaming and removal."""

import base64
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, text

from api.auth.cookies import REFRESH
from api.dependencies import Gateway
from api.passkeys import ceremonies
from db.tables import AuditEntry, Mail
from tests.api.accounts import PASSWORD, bearer, login
from tests.api.conftest import ApiUser
from tests.api.passkeys.authenticator import b64
from tests.api.passkeys.conftest import (
    RP_ID,
    add,
    creation_options,
    registered,
    request_options,
    sign_in,
)


async def test_a_passkey_signs_in_without_a_password(
    client: httpx.AsyncClient, owner: ApiUser, account: dict[str, str]
) -> None:
    authenticator, passkey_id = await registered(owner)
    client.cookies.clear()
    signed_in = await sign_in(client, authenticator.get(await request_options(client)))
    assert signed_in.status_code == 200, signed_in.text
    assert (await client.get("/api/me", headers=bearer(signed_in))).json()["email"] == account["email"]
    cookie = f"__Host-{REFRESH}={signed_in.cookies['__Host-' + REFRESH]}"
    assert (await client.post("/api/auth/refresh", headers={"Cookie": cookie})).status_code == 200
    (listed,) = (await owner.get("/api/me/passkeys")).json()["data"]
    assert (listed["id"], listed["name"], listed["backed_up"]) == (passkey_id, "my phone", False)
    assert listed["last_used_at"] is not None


async def test_the_options_require_user_verification_and_name_no_account(
    client: httpx.AsyncClient, owner: ApiUser
) -> None:
    authenticator, _ = await registered(owner)
    creation, request = await creation_options(owner), await request_options(client)
    assert (creation["rp"]["id"], request["rpId"]) == (RP_ID, RP_ID)
    assert creation["authenticatorSelection"]["userVerification"] == request["userVerification"] == "required"
    assert creation["authenticatorSelection"]["residentKey"] == "required"
    assert [known["id"] for known in creation["excludeCredentials"]] == [b64(authenticator.credential_id)]
    assert not request["allowCredentials"]
    assert len(base64.urlsafe_b64decode(request["challenge"] + "==")) >= 16


async def test_no_code_is_required_with_a_passkey(client: httpx.AsyncClient, owner: ApiUser, gateway: Gateway) -> None:
    authenticator, _ = await registered(owner)
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE users SET totp_secret = 'x', totp_enabled_at = now()"))
    assert (await sign_in(client, authenticator.get(await request_options(client)))).status_code == 200


async def test_a_credential_belongs_to_one_account(client: httpx.AsyncClient, owner: ApiUser, gateway: Gateway) -> None:
    authenticator, _ = await registered(owner)
    again = await add(owner, authenticator.create(await creation_options(owner)))
    assert (again.status_code, again.json()["code"]) == (403, "passkey_invalid")
    account = {"email": "second@example.org", "password": PASSWORD}
    await client.post("/api/auth/register", json=account)
    second = ApiUser(uuid4(), uuid4(), (await login(client, account)).json()["access_token"], client)
    assert (await add(second, authenticator.create(await creation_options(second)))).status_code == 403


async def test_a_disabled_account_cannot_sign_in(client: httpx.AsyncClient, owner: ApiUser, gateway: Gateway) -> None:
    authenticator, _ = await registered(owner)
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    refused = await sign_in(client, authenticator.get(await request_options(client)))
    assert (refused.status_code, refused.json()["code"]) == (401, "passkey_refused")


async def test_the_password_is_required(owner: ApiUser) -> None:
    _, passkey_id = await registered(owner)
    wrong = {"password": "not the password"}
    assert (await owner.post("/api/me/passkeys/options", json=wrong)).status_code == 403
    assert (await owner.request("DELETE", f"/api/me/passkeys/{passkey_id}", json=wrong)).status_code == 403
    assert len((await owner.get("/api/me/passkeys")).json()["data"]) == 1


async def test_passkeys_are_renamed_and_removed_by_their_owner(
    client: httpx.AsyncClient, owner: ApiUser, gateway: Gateway
) -> None:
    authenticator, passkey_id = await registered(owner)
    path = f"/api/me/passkeys/{passkey_id}"
    account = {"email": "second@example.org", "password": PASSWORD}
    await client.post("/api/auth/register", json=account)
    other = ApiUser(uuid4(), uuid4(), (await login(client, account)).json()["access_token"], client)
    assert (await other.request("PATCH", path, json={"name": "mine"})).status_code == 404
    assert (await other.request("DELETE", path, json={"password": PASSWORD})).status_code == 404
    assert (await other.get("/api/me/passkeys")).json() == {"data": []}
    renamed = await owner.request("PATCH", path, json={"name": "the key on my desk"})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "the key on my desk")
    assert (await owner.request("PATCH", path, json={"name": " "})).status_code == 422
    assert (await owner.request("DELETE", path, json={"password": PASSWORD})).status_code == 204
    assert (await owner.request("DELETE", path, json={"password": PASSWORD})).status_code == 404
    assert (await sign_in(client, authenticator.get(await request_options(client)))).status_code == 401
    async with gateway.sessions() as session:
        mails = list(await session.scalars(select(Mail.subject).order_by(Mail.id)))
        actions = list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert mails == ["A passkey was added", "A passkey was removed"]
    assert [action for action in actions if action.startswith("passkey")] == [
        "passkey_added", "passkey_renamed", "passkey_removed",
    ]  # fmt: skip


async def test_an_account_has_a_limited_number(owner: ApiUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceremonies, "MAX_PASSKEYS", 1)
    await registered(owner)
    refused = await owner.post("/api/me/passkeys/options", json={"password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_passkeys")


async def test_challenges_and_answers_are_limited_per_network(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.passkeys.sign_in.NETWORK_FACTOR", 1)
    statuses = [(await client.post("/api/auth/passkey/options")).status_code for _ in range(5)]
    statuses += [(await sign_in(client, {})).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [401] * 5 + [429], "an answer is an entry of the audit log"
