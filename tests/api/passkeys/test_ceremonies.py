"""Challenges: valid once, for a while, for one purpose and one account. Forged and damaged answers are refused."""

import base64
import copy
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, text

from api.dependencies import Gateway
from api.passkeys import ceremonies
from db.tables import AuditEntry
from tests.api.conftest import ApiUser
from tests.api.passkeys.authenticator import BACKED_UP, BACKUP_ELIGIBLE, FLAGS, USER_PRESENT, Authenticator, b64
from tests.api.passkeys.conftest import (
    ORIGIN,
    RP_ID,
    add,
    creation_options,
    new_authenticator,
    registered,
    request_options,
    sign_in,
)


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
