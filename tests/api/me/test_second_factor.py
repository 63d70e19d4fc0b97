"""The second factor: codes of an authenticator, and recovery codes."""

import time

import httpx
import pyotp
import pytest
from sqlalchemy import text

from api.auth import second_factor
from api.auth.dependencies import Auth
from api.auth.keys import KeyRing
from api.dependencies import Gateway
from tests.api.accounts import PASSWORD, bearer, login


async def enable(client: httpx.AsyncClient, account: dict[str, str]) -> tuple[str, list[str], dict[str, str]]:
    """The secret, the recovery codes, and the headers of the session."""
    headers = bearer(await login(client, account))
    new = await client.post("/api/me/second-factor", json={"password": PASSWORD}, headers=headers)
    assert new.status_code == 201
    secret = new.json()["secret"]
    assert new.json()["uri"].startswith("otpauth://totp/AuraAnim:")
    assert (await login(client, account)).status_code == 200, "not required before it is confirmed"
    earlier = pyotp.TOTP(secret).at(time.time() - second_factor.STEP_SECONDS)
    body = {"code": earlier}
    confirmed = await client.post("/api/me/second-factor/confirm", json=body, headers=headers)
    assert confirmed.status_code == 200, confirmed.text
    return secret, confirmed.json()["recovery_codes"], headers


async def test_a_code_is_required_and_valid_once(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    secret, _, headers = await enable(client, account)
    assert (await client.get("/api/me", headers=headers)).json()["second_factor"] is True
    missing = await login(client, account)
    assert (missing.status_code, missing.json()["code"]) == (401, "second_factor_required")
    wrong_password = await login(client, account, password="not the password", code="000000")
    assert wrong_password.json()["code"] == "wrong_credentials", "the second factor is no secret for guessers"
    code = pyotp.TOTP(secret).now()
    assert (await login(client, account, code=code)).status_code == 200
    again = await login(client, account, code=code)
    assert (again.status_code, again.json()["code"]) == (401, "second_factor_required")


async def test_a_recovery_code_is_valid_once(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    _, codes, _ = await enable(client, account)
    assert len(set(codes)) == 10
    assert (await login(client, account, code=codes[0].upper().replace("-", " "))).status_code == 200
    assert (await login(client, account, code=codes[0])).status_code == 401
    assert (await login(client, account, code=codes[1])).status_code == 200


async def test_guesses_at_codes_are_limited(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    secret, _, _ = await enable(client, account)
    statuses = [(await login(client, account, code=f"{n:06}")).status_code for n in range(10)]
    assert statuses == [401] * 10
    assert (await login(client, account, code=pyotp.TOTP(secret).now())).status_code == 429


@pytest.mark.parametrize("code", ["000000", "abcdef", "１２３４５６", "123456789012"])
async def test_it_is_not_enabled_with_a_wrong_code(
    client: httpx.AsyncClient, account: dict[str, str], code: str
) -> None:
    headers = bearer(await login(client, account))
    await client.post("/api/me/second-factor", json={"password": PASSWORD}, headers=headers)
    refused = await client.post("/api/me/second-factor/confirm", json={"code": code}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "wrong_code")
    assert (await login(client, account)).status_code == 200


async def test_it_is_removed_with_the_password(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    _, codes, headers = await enable(client, account)
    wrong = await client.request("DELETE", "/api/me/second-factor", json={"password": "wrong"}, headers=headers)
    assert wrong.status_code == 403
    replaced = await client.post("/api/me/second-factor", json={"password": PASSWORD}, headers=headers)
    assert (replaced.status_code, replaced.json()["code"]) == (409, "second_factor_exists")
    removed = await client.request("DELETE", "/api/me/second-factor", json={"password": PASSWORD}, headers=headers)
    assert removed.status_code == 204
    assert (await login(client, account)).status_code == 200
    assert (await login(client, account, code=codes[0])).status_code == 200, "a needless code is ignored"


async def test_the_secret_is_stored_encrypted(
    client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str]
) -> None:
    secret, codes, _ = await enable(client, account)
    async with gateway.sessions() as session:
        stored = str(
            (
                await session.execute(
                    text("SELECT totp_secret, array(SELECT code_hash FROM recovery_codes) FROM users")
                )
            ).all()
        )
    for value in (secret, *codes, *(code.replace("-", "") for code in codes)):
        assert value not in stored


async def test_it_survives_a_rotation_of_the_key(
    client: httpx.AsyncClient, gateway: Gateway, auth: Auth, account: dict[str, str]
) -> None:
    secret, codes, _ = await enable(client, account)
    new, old = b"another secret key of the tests, long enough", auth.keys.current
    for keys in (KeyRing(new, old), KeyRing(new)):  # during the rotation, and after it
        object.__setattr__(auth, "keys", keys)
        async with gateway.sessions.begin() as session:
            await session.execute(text("UPDATE users SET totp_last_step = 0"))
        assert (await login(client, account, code=pyotp.TOTP(secret).now())).status_code == 200
    object.__setattr__(auth, "keys", KeyRing(b"a key that has encrypted nothing so far, and long"))
    assert (await login(client, account, code=pyotp.TOTP(secret).now())).status_code == 401
    assert (await login(client, account, code=codes[0])).status_code == 200, "recovery codes need no key"
