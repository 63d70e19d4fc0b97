"""Registration: the same answer for every address; open, by invitation or closed; with and without mail."""

import statistics
import time
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from api.auth import registration
from api.auth.dependencies import Auth
from api.auth.tokens import new_token, token_hash
from api.dependencies import Gateway
from db import one_time_tokens, users
from db.tables import Mail, Purpose, Role, User
from tests.api.accounts import PASSWORD, login


async def register(client: httpx.AsyncClient, email: str, **values: Any) -> httpx.Response:
    return await client.post("/api/auth/register", json={"email": email, "password": PASSWORD} | values)


async def count(gateway: Gateway) -> int:
    async with gateway.sessions() as session:
        return (await session.scalars(select(func.count()).select_from(User))).one()


async def sent_mails(gateway: Gateway) -> list[Mail]:
    async with gateway.sessions() as session:
        return list(await session.scalars(select(Mail).where(Mail.ended_at.is_(None)).order_by(Mail.id)))


def token_of(mail: Mail) -> str:
    return mail.body.partition("#token=")[2].split()[0]


@pytest.fixture
def with_mail(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.settings, "smtp_host", "127.0.0.1")
    monkeypatch.setattr(gateway.settings, "public_url", "https://aura.example")


async def test_a_known_address_gets_the_same_answer_and_changes_nothing(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str]
) -> None:
    other = "the password of a stranger"
    known = await register(client, account["email"].upper(), password=other)
    unknown = await register(client, "unknown@example.org", password=other)
    assert known.status_code == unknown.status_code == 201
    assert known.json().keys() == unknown.json().keys()
    assert {n: len(v) for n, v in known.headers.items()}.keys() == dict(unknown.headers).keys()
    for name, value in known.json().items():
        assert type(value) is type(unknown.json()[name])
        assert name == "email" or len(str(value)) == len(str(unknown.json()[name]))
    assert await count(gateway) == 2
    assert (await login(client, account)).status_code == 200
    assert (await login(client, account, password=other)).status_code == 401


async def test_a_known_address_takes_as_long(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    async def seconds(email: str) -> float:
        started = time.perf_counter()
        assert (await register(client, email)).status_code == 201
        return time.perf_counter() - started

    known, unknown = [], []
    for n in range(9):
        known.append(await seconds(account["email"]))
        unknown.append(await seconds(f"{n}@example.org"))
    assert 0.5 < statistics.median(known) / statistics.median(unknown) < 2


@pytest.mark.parametrize("password", ["short of 12", "passwordpassword", "            ", "iloveyou1234", "a" * 257])
async def test_weak_passwords_are_refused(client: httpx.AsyncClient, gateway: Gateway, password: str) -> None:
    response = await register(client, "someone@example.org", password=password)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/password")
    assert await count(gateway) == 0


@pytest.mark.parametrize(
    "password", ["correct horse battery", "x7" + "äöü vierzehn Zebras" * 13, "9f" + "ab31e77c0d" * 6]
)
async def test_long_passwords_of_any_characters_are_accepted(client: httpx.AsyncClient, password: str) -> None:
    account = {"email": "someone@example.org", "password": password[:256]}
    assert (await client.post("/api/auth/register", json=account)).status_code == 201
    assert (await login(client, account)).status_code == 200


async def test_composed_and_decomposed_characters_are_the_same_password(client: httpx.AsyncClient) -> None:
    composed, decomposed = "sch\u00f6ne gr\u00fc\u00dfe aus k\u00f6ln", "scho\u0308ne gru\u0308\u00dfe aus ko\u0308ln"
    for n, (registered, typed) in enumerate(((composed, decomposed), (decomposed, composed))):
        account = {"email": f"{n}@example.org", "password": registered}
        assert (await client.post("/api/auth/register", json=account)).status_code == 201
        assert (await login(client, account, password=typed)).status_code == 200


async def test_an_account_from_before_the_rules_can_sign_in(
    client: httpx.AsyncClient, gateway: Gateway, auth: Auth
) -> None:
    async with gateway.sessions.begin() as session:
        await users.create(session, email="old@example.org", password_hash=await auth.passwords.hash("password"))
    assert (await login(client, {"email": "old@example.org", "password": "password"})).status_code == 200


async def test_registrations_are_limited_per_address(
    client: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "registrations_per_minute", 2)
    statuses = [(await register(client, f"{n}@example.org")).status_code for n in range(3)]
    assert statuses == [201, 201, 429]


async def test_a_closed_registration(
    client: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "registration", "closed")
    monkeypatch.setattr(gateway.settings, "registration", registration.RegistrationMode.CLOSED)
    response = await register(client, "someone@example.org")
    assert (response.status_code, response.json()["code"]) == (403, "registration_closed")
    assert await count(gateway) == 0


async def invite(gateway: Gateway, seconds: float = 60, role: Role = Role.USER) -> str:
    token = new_token()
    async with gateway.sessions.begin() as session:
        await one_time_tokens.create(
            session,
            purpose=Purpose.INVITATION,
            token_hash=token_hash(token),
            lifetime_seconds=seconds,
            data={"role": role},
        )
    return token


async def test_an_invitation_is_valid_once(
    client: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "registration", registration.RegistrationMode.INVITATION)
    for invitation in ({}, {"invitation": "unknown"}, {"invitation": await invite(gateway, seconds=-1)}):
        refused = await register(client, "a@example.org", **invitation)
        assert (refused.status_code, refused.json()["code"]) == (403, "invitation_refused")
    token = await invite(gateway, role=Role.MODERATOR)
    assert (await register(client, "a@example.org", invitation=token)).status_code == 201
    assert (await register(client, "b@example.org", invitation=token)).status_code == 403
    assert await count(gateway) == 1
    async with gateway.sessions() as session:
        assert (await users.by_email(session, "a@example.org")).role == "moderator"  # type: ignore[union-attr]


async def test_with_mail_an_account_exists_once_its_link_was_opened(
    client: httpx.AsyncClient, gateway: Gateway, with_mail: None
) -> None:
    response = await register(client, "someone@example.org")
    assert response.json()["email_verification_required"] is True
    account = {"email": "someone@example.org", "password": PASSWORD}
    assert await count(gateway) == 0
    assert (await login(client, account)).status_code == 401
    (mail,) = await sent_mails(gateway)
    assert mail.recipient == "someone@example.org"
    assert "https://aura.example/verify-email#token=" in mail.body
    token = token_of(mail)
    assert (await client.post("/api/auth/verify-email", json={"token": token})).status_code == 204
    again = await client.post("/api/auth/verify-email", json={"token": token})
    assert (again.status_code, again.json()["code"]) == (403, "link_used")
    signed_in = await login(client, account)
    profile = await client.get("/api/me", headers={"Authorization": f"Bearer {signed_in.json()['access_token']}"})
    assert profile.json()["email_verified_at"] is not None


async def test_a_stranger_cannot_occupy_an_address(
    client: httpx.AsyncClient, gateway: Gateway, with_mail: None
) -> None:
    await register(client, "owner@example.org", password="the password of a stranger")
    await register(client, "owner@example.org")
    first, second = await sent_mails(gateway)
    assert (await client.post("/api/auth/verify-email", json={"token": token_of(second)})).status_code == 204
    assert (await client.post("/api/auth/verify-email", json={"token": token_of(first)})).status_code == 403
    assert (await login(client, {"email": "owner@example.org", "password": PASSWORD})).status_code == 200


async def test_the_owner_of_a_known_address_gets_a_mail(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str], with_mail: None
) -> None:
    known = await register(client, account["email"].upper())
    unknown = await register(client, "unknown@example.org")
    assert known.json().keys() == unknown.json().keys()
    assert known.json()["email_verification_required"] == unknown.json()["email_verification_required"]
    mails = await sent_mails(gateway)
    assert [mail.recipient for mail in mails] == [account["email"], "unknown@example.org"]
    reset = {"token": token_of(mails[0]), "password": "another horse and its battery"}
    assert (await client.post("/api/auth/password/reset", json=reset)).status_code == 204
    assert (await login(client, account | {"password": reset["password"]})).status_code == 200


async def test_an_address_gets_few_mails(client: httpx.AsyncClient, gateway: Gateway, with_mail: None) -> None:
    for _ in range(registration.MAILS_PER_HOUR + 3):
        assert (await register(client, "victim@example.org")).status_code == 201
    assert len(await sent_mails(gateway)) == registration.MAILS_PER_HOUR
