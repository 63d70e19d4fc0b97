"""A change of the e-mail address: confirmed at the new one, announced at the old one, and silent about others."""

import statistics
import time
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text

from api.dependencies import Gateway
from db.tables import AuditEntry, Mail, OneTimeToken
from tests.api.accounts import PASSWORD, bearer, login
from tests.api.conftest import ApiUser

NEW = "new@example.org"


async def sign_in(client: httpx.AsyncClient, account: dict[str, str]) -> ApiUser:
    signed_in = await login(client, account)
    me = (await client.get("/api/me", headers=bearer(signed_in))).json()
    return ApiUser(UUID(me["id"]), UUID(me["id"]), signed_in.json()["access_token"], client)


@pytest.fixture
async def owner(client: httpx.AsyncClient, account: dict[str, str]) -> ApiUser:
    return await sign_in(client, account)


@pytest.fixture
async def other(client: httpx.AsyncClient) -> ApiUser:
    """Another account, whose address is other@example.org."""
    account = {"email": "other@example.org", "password": PASSWORD}
    await client.post("/api/auth/register", json=account)
    return await sign_in(client, account)


@pytest.fixture
def with_mail(gateway: Gateway, owner: ApiUser, other: ApiUser, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the accounts were made, which needs no mail then."""
    monkeypatch.setattr(gateway.settings, "smtp_host", "127.0.0.1")
    monkeypatch.setattr(gateway.settings, "public_url", "https://aura.example")


async def request(user: ApiUser, email: str = NEW, password: str = PASSWORD) -> httpx.Response:
    return await user.post("/api/me/email", json={"email": email, "password": password})


async def confirm(user: ApiUser, token: str) -> httpx.Response:
    return await user.post("/api/me/email/confirm", json={"token": token})


async def sent_mails(gateway: Gateway) -> list[Mail]:
    async with gateway.sessions() as session:
        return list(await session.scalars(select(Mail).where(Mail.ended_at.is_(None)).order_by(Mail.id)))


async def requested_token(user: ApiUser, gateway: Gateway, email: str = NEW) -> str:
    response = await request(user, email)
    assert (response.status_code, response.json()) == (202, {"email_verification_required": True})
    mail = (await sent_mails(gateway))[-1]
    assert mail.recipient == email
    assert "https://aura.example/change-email#token=" in mail.body
    return mail.body.partition("#token=")[2].split()[0]


async def email_of(user: ApiUser) -> str:
    return str((await user.get("/api/me")).json()["email"])


@pytest.mark.usefixtures("with_mail")
async def test_the_address_changes_once_the_new_one_is_confirmed(
    client: httpx.AsyncClient, gateway: Gateway, owner: ApiUser, account: dict[str, str]
) -> None:
    token = await requested_token(owner, gateway)
    assert await email_of(owner) == account["email"]
    confirmed = await confirm(owner, token)
    assert (confirmed.status_code, confirmed.json()["email"]) == (200, NEW)
    assert confirmed.json()["email_verified_at"] is not None
    assert (await login(client, account)).status_code == 401
    assert (await login(client, {"email": NEW, "password": PASSWORD})).status_code == 200
    notice = (await sent_mails(gateway))[-1]
    assert (notice.recipient, notice.subject) == (account["email"], "Your e-mail address was changed")
    assert NEW not in notice.body
    again = await confirm(owner, token)
    assert (again.status_code, again.json()["code"]) == (403, "link_used")


@pytest.mark.usefixtures("with_mail")
async def test_the_person_who_receives_the_mail_cannot_use_it(gateway: Gateway, owner: ApiUser, other: ApiUser) -> None:
    """An address with a typing error must not take the account along."""
    token = await requested_token(owner, gateway)
    assert (await confirm(other, token)).json()["code"] == "link_used"
    assert (await owner.http.post("/api/me/email/confirm", json={"token": token})).status_code == 401
    assert (await confirm(owner, token)).status_code == 200, "the refused attempt has not used the token up"
    assert await email_of(other) == "other@example.org"


@pytest.mark.usefixtures("with_mail")
async def test_a_taken_address_gets_the_same_answer_and_no_mail(
    gateway: Gateway, owner: ApiUser, other: ApiUser
) -> None:
    taken, free = await request(owner, "OTHER@example.org"), await request(owner, "free@example.org")
    assert (taken.status_code, taken.json()) == (free.status_code, free.json())
    assert {name: len(value) for name, value in taken.headers.items()}.keys() == dict(free.headers).keys()
    assert [mail.recipient for mail in await sent_mails(gateway)] == ["free@example.org"]
    async with gateway.sessions() as session:
        assert len(list(await session.scalars(select(Mail)))) == 2, "the same rows are written"
    assert await email_of(other) == "other@example.org"


@pytest.mark.usefixtures("with_mail")
async def test_a_taken_address_takes_as_long(owner: ApiUser, other: ApiUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.me.email_change.CHANGES_PER_HOUR", 100)

    async def seconds(email: str) -> float:
        started = time.perf_counter()
        assert (await request(owner, email)).status_code == 202
        return time.perf_counter() - started

    taken, free = [], []
    for n in range(9):
        taken.append(await seconds("other@example.org"))
        free.append(await seconds(f"{n}@example.org"))
    assert 0.5 < statistics.median(taken) / statistics.median(free) < 2


@pytest.mark.usefixtures("with_mail")
async def test_an_address_that_was_taken_meanwhile(client: httpx.AsyncClient, gateway: Gateway, owner: ApiUser) -> None:
    token = await requested_token(owner, gateway)
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE users SET email = 'NEW@example.org' WHERE email = 'other@example.org'"))
    refused = await confirm(owner, token)
    assert (refused.status_code, refused.json()["code"]) == (403, "link_used")


@pytest.mark.usefixtures("with_mail")
async def test_the_case_of_the_own_address_can_change(
    gateway: Gateway, owner: ApiUser, account: dict[str, str]
) -> None:
    token = await requested_token(owner, gateway, account["email"].upper())
    assert (await confirm(owner, token)).json()["email"] == account["email"].upper()


@pytest.mark.usefixtures("with_mail")
async def test_the_token_expires_and_a_new_request_replaces_it(gateway: Gateway, owner: ApiUser) -> None:
    first = await requested_token(owner, gateway)
    second = await requested_token(owner, gateway, "second@example.org")
    assert (await confirm(owner, first)).status_code == 403
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE one_time_tokens SET expires_at = now()"))
    assert (await confirm(owner, second)).status_code == 403


@pytest.mark.usefixtures("with_mail")
async def test_a_new_password_ends_a_requested_change_of_the_address(gateway: Gateway, owner: ApiUser) -> None:
    token = await requested_token(owner, gateway)
    body = {"current_password": PASSWORD, "new_password": "another horse and its battery"}
    assert (await owner.post("/api/me/password", json=body)).status_code == 204
    assert (await confirm(owner, token)).status_code == 403


@pytest.mark.usefixtures("with_mail")
async def test_links_that_were_sent_to_the_old_address_end_with_it(
    client: httpx.AsyncClient, gateway: Gateway, owner: ApiUser, account: dict[str, str]
) -> None:
    await client.post("/api/auth/password/forgot", json={"email": account["email"]})
    assert (await confirm(owner, await requested_token(owner, gateway))).status_code == 200
    async with gateway.sessions() as session:
        assert list(await session.scalars(select(OneTimeToken.purpose))) == []


@pytest.mark.parametrize("password", ["not the password", ""])
async def test_the_password_is_required(owner: ApiUser, account: dict[str, str], password: str) -> None:
    assert (await request(owner, password=password)).status_code in (403, 422)
    assert await email_of(owner) == account["email"]


async def test_without_mail_the_address_changes_at_once(
    gateway: Gateway, owner: ApiUser, other: ApiUser, account: dict[str, str]
) -> None:
    changed = await request(owner)
    assert (changed.status_code, changed.json()) == (202, {"email_verification_required": False})
    assert await email_of(owner) == NEW
    assert (await owner.get("/api/me")).json()["email_verified_at"] is None
    taken = await request(owner, "other@example.org")
    assert (taken.status_code, taken.json()) == (changed.status_code, changed.json())
    assert await email_of(owner) == NEW
    async with gateway.sessions() as session:
        entries = list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert [action for action in entries if action.startswith("email")] == [
        "email_change_requested", "email_changed", "email_change_requested",
    ]  # fmt: skip


async def test_changes_are_limited_per_account(owner: ApiUser) -> None:
    statuses = [(await request(owner, f"{n}@example.org")).status_code for n in range(6)]
    assert statuses == [202] * 5 + [429]
