"""Passkeys, with a software authenticator: registration, sign-in, and what is refused."""

import base64
import copy
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, text

from api.auth.cookies import REFRESH
from api.dependencies import Gateway
from api.passkeys import ceremonies
from api.passkeys.relying_party import public_party
from api.settings import Environment, Settings
from db.tables import AuditEntry, Mail
from tests.api.accounts import PASSWORD, bearer, login
from tests.api.conftest import ApiUser
from tests.api.passkeys.authenticator import BACKED_UP, BACKUP_ELIGIBLE, FLAGS, USER_PRESENT, Authenticator, b64

ORIGIN, RP_ID = "https://aura.example", "aura.example"


@pytest.fixture(autouse=True)
def public_url(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.settings, "public_url", f"{ORIGIN}/")


@pytest.fixture
async def owner(client: httpx.AsyncClient, account: dict[str, str]) -> ApiUser:
    signed_in = await login(client, account)
    me = (await client.get("/api/me", headers=bearer(signed_in))).json()
    return ApiUser(UUID(me["id"]), UUID(me["id"]), signed_in.json()["access_token"], client)


def new_authenticator() -> Authenticator:
    return Authenticator(ORIGIN, RP_ID)


async def creation_options(user: ApiUser) -> dict[str, Any]:
    response = await user.post("/api/me/passkeys/options", json={"password": PASSWORD})
    assert response.status_code == 200, response.text
    return dict(response.json()["options"])


async def add(user: ApiUser, credential: dict[str, Any], name: str = "my phone") -> httpx.Response:
    return await user.post("/api/me/passkeys", json={"name": name, "credential": credential})


async def registered(user: ApiUser) -> tuple[Authenticator, str]:
    """An authenticator whose passkey is the account's, and the id of the passkey."""
    authenticator = new_authenticator()
    added = await add(user, authenticator.create(await creation_options(user)))
    assert added.status_code == 201, added.text
    return authenticator, added.json()["id"]


async def request_options(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.post("/api/auth/passkey/options")
    assert response.status_code == 200, response.text
    return dict(response.json()["options"])


async def sign_in(client: httpx.AsyncClient, credential: dict[str, Any]) -> httpx.Response:
    return await client.post("/api/auth/passkey/login", json={"credential": credential})


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


async def test_no_code_is_asked_for_with_a_passkey(client: httpx.AsyncClient, owner: ApiUser, gateway: Gateway) -> None:
    authenticator, _ = await registered(owner)
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE users SET totp_secret = 'x', totp_enabled_at = now()"))
    assert (await sign_in(client, authenticator.get(await request_options(client)))).status_code == 200


async def test_a_challenge_is_valid_once(client: httpx.AsyncClient, owner: ApiUser) -> None:
    authenticator, _ = await registered(owner)
    options = await request_options(client)
    assert (await sign_in(client, authenticator.get(options))).status_code == 200
    assert (await sign_in(client, authenticator.get(options))).status_code == 401
    refused_once = await request_options(client)
    assert (await sign_in(client, authenticator.get(refused_once, origin="https://evil.example"))).status_code == 401
    assert (await sign_in(client, authenticator.get(refused_once))).status_code == 401, "a refused answer uses it up"
    creation = await creation_options(owner)
    assert (await add(owner, new_authenticator().create(creation, flags=USER_PRESENT))).status_code == 403
    assert (await add(owner, new_authenticator().create(creation))).status_code == 403


async def test_a_challenge_expires(client: httpx.AsyncClient, owner: ApiUser, gateway: Gateway) -> None:
    authenticator, _ = await registered(owner)
    options, creation = await request_options(client), await creation_options(owner)
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE one_time_tokens SET expires_at = now()"))
    assert (await sign_in(client, authenticator.get(options))).status_code == 401
    assert (await add(owner, new_authenticator().create(creation))).status_code == 403


async def test_a_challenge_has_one_purpose_and_one_account(
    client: httpx.AsyncClient, owner: ApiUser, alice: ApiUser
) -> None:
    authenticator, _ = await registered(owner)
    assert (await sign_in(client, authenticator.get(await creation_options(owner)))).status_code == 401
    creation = await creation_options(owner)
    assert (await add(owner, new_authenticator().create(creation | await request_options(client)))).status_code == 403
    assert (await add(alice, new_authenticator().create(await creation_options(owner)))).status_code == 403
    assert (await alice.get("/api/me/passkeys")).json() == {"data": []}


Change = Callable[[Authenticator, dict[str, Any]], dict[str, Any]]


def foreign_key(authenticator: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    other = new_authenticator()
    other.credential_id, other.user_handle, other.count = authenticator.credential_id, authenticator.user_handle, 99
    return other.get(options)


def foreign_host(authenticator: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    authenticator.rp_id = "evil.example"
    return authenticator.get(options)


def old_count(authenticator: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    authenticator.count = 0
    return authenticator.get(options)


def unknown(authenticator: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    authenticator.credential_id = b"x" * 32
    return authenticator.get(options)


def foreign_handle(authenticator: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    authenticator.user_handle = b64(uuid4().bytes)
    return authenticator.get(options)


def id_of_another(authenticator: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    return authenticator.get(options) | {"id": b64(b"y" * 32)}


SIGN_IN_FORGERIES: dict[str, Change] = {
    "the key of another authenticator": foreign_key,
    "another relying party": foreign_host,
    "a count that was used before": old_count,
    "an unknown credential": unknown,
    "the handle of another user": foreign_handle,
    "two different ids": id_of_another,
    "no user verification": lambda a, o: a.get(o, flags=USER_PRESENT),
    "no user presence": lambda a, o: a.get(o, flags=4),
    "another origin": lambda a, o: a.get(o, origin="https://evil.example"),
    "a sub-domain": lambda a, o: a.get(o, origin="https://www.aura.example"),
    "another port": lambda a, o: a.get(o, origin="https://aura.example:8443"),
    "plain HTTP": lambda a, o: a.get(o, origin="http://aura.example"),
    "an allowed origin that is not PUBLIC_URL": lambda a, o: a.get(o, origin="https://app.example"),
    "an own challenge": lambda a, o: a.get(o, challenge=b64(b"c" * 32)),
    "an empty challenge": lambda a, o: a.get(o, challenge=""),
    "the answer of a registration": lambda a, o: a.get(o, kind="webauthn.create"),
    "backed up, not eligible": lambda a, o: a.get(o, flags=FLAGS | BACKED_UP),
}


@pytest.mark.parametrize("case", SIGN_IN_FORGERIES)
async def test_a_forged_sign_in_is_refused(
    client: httpx.AsyncClient, owner: ApiUser, gateway: Gateway, case: str
) -> None:
    authenticator, _ = await registered(owner)
    refused = await sign_in(client, SIGN_IN_FORGERIES[case](authenticator, await request_options(client)))
    assert (refused.status_code, refused.json()["code"]) == (401, "passkey_refused")
    assert "set-cookie" not in refused.headers
    async with gateway.sessions() as session:
        (entry,) = await session.scalars(select(AuditEntry).where(AuditEntry.action == "sign_in_refused"))
    assert entry.details == {"reason": "passkey refused"}


REGISTRATION_FORGERIES: dict[str, Change] = {
    "no user verification": lambda a, o: a.create(o, flags=USER_PRESENT),
    "another origin": lambda a, o: a.create(o, origin="https://evil.example"),
    "an own challenge": lambda a, o: a.create(o, challenge=b64(b"c" * 32)),
    "the answer of a sign-in": lambda a, o: a.create(o, kind="webauthn.get"),
    "another relying party": lambda a, o: Authenticator(ORIGIN, "evil.example").create(o),
    "not JSON": lambda a, o: a.create(o) | {"response": {"clientDataJSON": "eA", "attestationObject": "eA"}},
    "empty": lambda a, o: {},
    "without a response": lambda a, o: {"id": "x", "rawId": "x", "type": "public-key"},
    "numbers": lambda a, o: {"id": 1, "rawId": 2, "type": 3, "response": 4},
}


@pytest.mark.parametrize("case", REGISTRATION_FORGERIES)
async def test_a_forged_registration_is_refused(owner: ApiUser, case: str) -> None:
    refused = await add(owner, REGISTRATION_FORGERIES[case](new_authenticator(), await creation_options(owner)))
    assert (refused.status_code, refused.json()["code"]) == (403, "passkey_invalid")
    assert (await owner.get("/api/me/passkeys")).json() == {"data": []}


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
async def test_flipped_bits_are_refused(
    client: httpx.AsyncClient, owner: ApiUser, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every answer is 401, never an unexpected error; one challenge serves all of them here."""
    authenticator, _ = await registered(owner)
    options = await request_options(client)
    good = authenticator.get(options)
    challenge = base64.urlsafe_b64decode(options["challenge"] + "==")

    async def redeem(*_: object) -> bytes:
        return challenge

    monkeypatch.setattr(ceremonies, "redeem_challenge", redeem)
    monkeypatch.setattr("api.passkeys.sign_in.NETWORK_FACTOR", 1000)
    monkeypatch.setattr("api.passkeys.sign_in.SITE_FACTOR", 1000)
    data = base64.urlsafe_b64decode(good["response"][part] + "==")
    for bit in range(0, len(data) * 8, 7):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        forged = copy.deepcopy(good)
        forged["response"][part] = b64(bytes(changed))
        assert (await sign_in(client, forged)).status_code == 401, bit
    assert (await sign_in(client, good)).status_code == 200, "only the bits were wrong"


@pytest.mark.parametrize("step", [5, 11])
async def test_a_damaged_registration_is_no_unexpected_error(
    owner: ApiUser, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = await creation_options(owner)
    challenge = base64.urlsafe_b64decode(options["challenge"] + "==")

    async def redeem(*_: object) -> bytes:
        return challenge

    monkeypatch.setattr(ceremonies, "redeem_challenge", redeem)
    good = new_authenticator().create(options)
    data = base64.urlsafe_b64decode(good["response"]["attestationObject"] + "==")
    for position in range(0, len(data), step):
        for damaged in (data[:position], data[:position] + b"\xff" + data[position + 1 :]):
            forged = copy.deepcopy(good)
            forged["response"]["attestationObject"] = b64(damaged)
            # A changed id of the authenticator or of the credential is a valid registration.
            assert (await add(owner, forged)).status_code in (201, 403), position


async def test_an_authenticator_that_counts_nothing(client: httpx.AsyncClient, owner: ApiUser) -> None:
    authenticator = Authenticator(ORIGIN, RP_ID, count=None)
    synchronized = FLAGS | BACKUP_ELIGIBLE | BACKED_UP
    added = await add(owner, authenticator.create(await creation_options(owner), flags=synchronized))
    assert (added.status_code, added.json()["backed_up"]) == (201, True)
    for _ in range(2):
        answer = authenticator.get(await request_options(client), flags=synchronized)
        assert (await sign_in(client, answer)).status_code == 200


async def test_a_copied_authenticator_is_noticed_by_its_count(client: httpx.AsyncClient, owner: ApiUser) -> None:
    authenticator, _ = await registered(owner)
    copied = copy.copy(authenticator)
    for _ in range(2):
        assert (await sign_in(client, authenticator.get(await request_options(client)))).status_code == 200
    assert (await sign_in(client, copied.get(await request_options(client)))).status_code == 401


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


async def test_the_password_is_asked_for(owner: ApiUser) -> None:
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


async def test_a_page_of_another_site_cannot_sign_in(client: httpx.AsyncClient, owner: ApiUser) -> None:
    headers = {"Origin": "https://evil.example"}
    for path in ("/api/auth/passkey/options", "/api/auth/passkey/login"):
        refused = await client.post(path, json={"credential": {}}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "origin_refused")


@pytest.mark.parametrize(
    ("url", "party"),
    [
        ("https://Aura.example:8443/x", ("aura.example", ["https://aura.example:8443"])),
        ("https://aura.example:443", ("aura.example", ["https://aura.example"])),
        ("http://aura.example", None), ("https://192.0.2.1", None), ("https://[::1]:8000", None), ("", None),
    ],
)  # fmt: skip
async def test_the_relying_party_is_that_of_public_url(
    settings: Settings, url: str, party: tuple[str, list[str]] | None
) -> None:
    found = public_party(settings.model_copy(update={"public_url": url}))
    assert (found and (found.id, found.origins)) == party


async def test_without_a_public_url_passkeys_are_disabled_in_production(
    client: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "public_url", "")
    monkeypatch.setattr(gateway.settings, "aura_env", "production")
    refused = await client.post("/api/auth/passkey/options")
    assert (refused.status_code, refused.json()["code"]) == (403, "passkeys_disabled")


async def test_in_development_mode_they_work_on_localhost(
    client: httpx.AsyncClient, owner: ApiUser, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "aura_env", Environment.DEVELOPMENT)
    monkeypatch.setattr(gateway.settings, "public_url", "http://127.0.0.1:8000")
    client.headers["Origin"] = "http://localhost:3000"
    authenticator = Authenticator("http://localhost:3000", "localhost")
    assert (await add(owner, authenticator.create(await creation_options(owner)))).status_code == 201
    assert (await sign_in(client, authenticator.get(await request_options(client)))).status_code == 200
    elsewhere = authenticator.get(await request_options(client), origin="http://localhost:4000")
    assert (await sign_in(client, elsewhere)).status_code == 401
    client.headers["Origin"] = "http://127.0.0.1:3000"
    assert (await sign_in(client, authenticator.get(await request_options(client)))).status_code == 401
