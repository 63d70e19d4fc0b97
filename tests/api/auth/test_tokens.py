import base64
import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest

from api.auth.keys import KeyRing
from api.auth.tokens import API_AUDIENCE, CLOCK_SKEW_SECONDS, ISSUER, TYPE, Tokens
from api.problems import TokenRefused

SECRET = b"a secret of the tests, " + 40 * b"x"
OLD = b"the secret before, " + 40 * b"y"
USER, SESSION = uuid4(), uuid4()
KEY_ID = KeyRing.key_id(SECRET)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(KeyRing(SECRET), 900)


def claims(**changed: object) -> dict[str, object]:
    now = int(time.time())
    values = {
        "iss": ISSUER, "aud": API_AUDIENCE, "sub": str(USER), "sid": str(SESSION), "jti": "j" * 22, "iat": now,
        "exp": now + 60,
    } | changed  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


def signed(payload: object, secret: bytes = SECRET, **header: Any) -> str:
    """A correctly signed token with any payload and header."""
    members = {"alg": "HS256", "typ": TYPE, "kid": KEY_ID} | header
    parts = [json.dumps({n: v for n, v in members.items() if v is not None}), json.dumps(payload)]
    message = b".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=") for part in parts)
    algorithm = jwt.get_algorithm_by_name("HS256")
    mac = algorithm.sign(message, algorithm.prepare_key(secret))
    return b".".join((message, base64.urlsafe_b64encode(mac).rstrip(b"="))).decode()


def test_an_access_token_identifies_the_user_and_the_session(tokens: Tokens) -> None:
    access = tokens.verify(tokens.issue(USER, SESSION))
    assert (access.user_id, access.session_id) == (USER, SESSION)
    assert access.expires_at == pytest.approx(time.time() + 900, abs=2)


def test_a_token_has_exactly_these_claims(tokens: Tokens) -> None:
    token = tokens.issue(USER, SESSION)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": TYPE, "kid": KEY_ID}
    found = jwt.decode(token, SECRET, ["HS256"], audience=API_AUDIENCE, issuer=ISSUER)
    assert found.keys() == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert found["jti"] != jwt.decode(tokens.issue(USER, SESSION), SECRET, ["HS256"], audience=API_AUDIENCE)["jti"]


def test_correct_claims_are_accepted(tokens: Tokens) -> None:
    assert tokens.verify(signed(claims())).user_id == USER


NOW = int(time.time())
WRONG_CLAIMS: list[dict[str, object]] = [
    {"iss": "else"}, {"iss": None}, {"iss": [ISSUER]}, {"aud": "else"}, {"aud": None}, {"aud": [API_AUDIENCE]},
    {"aud": "auraanim-socket"}, {"exp": NOW - 1}, {"exp": None}, {"exp": str(NOW + 60)}, {"exp": "soon"},
    {"exp": NOW + 60.5}, {"exp": True}, {"exp": 1e400}, {"exp": -1}, {"exp": []}, {"exp": 10**30},
    {"exp": NOW + 90_000},
    {"iat": NOW + CLOCK_SKEW_SECONDS + 600}, {"iat": None}, {"iat": str(NOW)}, {"iat": -NOW},
    {"sub": None}, {"sub": ""}, {"sub": "admin"}, {"sub": 1}, {"sub": [str(USER)]}, {"sub": {"id": str(USER)}},
    {"sid": None}, {"sid": "x"}, {"sid": 0}, {"jti": None}, {"jti": ""}, {"jti": 1}, {"nbf": NOW + 60},
    {"role": "admin"}, {"until": NOW + 60},
]  # fmt: skip


@pytest.mark.parametrize("changed", WRONG_CLAIMS, ids=str)
def test_wrong_claims_are_refused(tokens: Tokens, changed: dict[str, object]) -> None:
    with pytest.raises(TokenRefused):
        tokens.verify(signed(claims(**changed)))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": None}, {"typ": "JWT"}, {"typ": "at+JWT"}, {"typ": ["at+jwt"]}, {"kid": None}, {"kid": "other"},
        {"kid": 1}, {"kid": "../../dev/null"}, {"kid": [KEY_ID]}, {"alg": "none"}, {"alg": "None"}, {"alg": "HS512"},
        {"alg": "RS256"}, {"alg": None}, {"crit": ["exp"]}, {"crit": []}, {"jku": "http://127.0.0.1/keys"},
        {"jwk": {"kty": "oct", "k": "eA"}}, {"x5u": "http://127.0.0.1"}, {"b64": True}, {"zip": "DEF"}, {"cty": "JWT"},
    ],
    ids=str,
)  # fmt: skip
def test_other_headers_are_refused(tokens: Tokens, header: dict[str, object]) -> None:
    with pytest.raises(TokenRefused):
        tokens.verify(signed(claims(), **header))


@pytest.mark.parametrize("payload", [[], "x", 1, None, {}, [claims()]])
def test_other_payloads_are_refused(tokens: Tokens, payload: object) -> None:
    with pytest.raises(TokenRefused):
        tokens.verify(signed(payload))


def test_clock_skew_between_gateways_is_tolerated(tokens: Tokens) -> None:
    assert tokens.verify(signed(claims(iat=int(time.time()) + CLOCK_SKEW_SECONDS - 2))).user_id == USER


@pytest.mark.parametrize(
    "token",
    [
        "", "x", "a.b.c", "\ud800", "é.é.é", "..", "a..c", "." * 5000, "a.b.c.d", "Bearer x",
        jwt.encode(claims(), None, "none", {"kid": KEY_ID, "typ": TYPE}),
        jwt.encode(claims(), SECRET, "HS384", {"kid": KEY_ID, "typ": TYPE}),
        signed(claims(), SECRET + b"!"), signed(claims(), KEY_ID.encode() * 2), signed(claims(), b"x" * 32),
    ],
    ids=lambda token: token[:12],
)  # fmt: skip
def test_other_keys_and_algorithms_are_refused(tokens: Tokens, token: str) -> None:
    with pytest.raises(TokenRefused):
        tokens.verify(token)


def test_every_flipped_bit_is_refused(tokens: Tokens) -> None:
    """Including the unused bits of the last digit of each part, which decoders ignore."""
    token = tokens.issue(USER, SESSION)
    for position in range(len(token)):
        for bit in range(7):
            forged = token[:position] + chr(ord(token[position]) ^ (1 << bit)) + token[position + 1 :]
            with pytest.raises(TokenRefused):
                tokens.verify(forged)


@pytest.mark.parametrize("change", [" {}", "{} ", "{}=", "{}\n", "{}.", "{}!", "\u200b{}"])
def test_a_token_has_one_spelling(tokens: Tokens, change: str) -> None:
    with pytest.raises(TokenRefused):
        tokens.verify(change.format(tokens.issue(USER, SESSION)))


def test_during_a_rotation_the_previous_key_verifies_and_the_new_one_signs() -> None:
    before, during, after = Tokens(KeyRing(OLD), 900), Tokens(KeyRing(SECRET, OLD), 900), Tokens(KeyRing(SECRET), 900)
    old, new = before.issue(USER, SESSION), during.issue(USER, SESSION)
    assert {verifier.verify(token).user_id for verifier, token in ((during, old), (during, new), (after, new))} == {
        USER
    }
    for verifier, token in ((after, old), (before, new)):
        with pytest.raises(TokenRefused):
            verifier.verify(token)


def test_the_key_id_does_not_choose_another_key() -> None:
    during = Tokens(KeyRing(SECRET, OLD), 900)
    with pytest.raises(TokenRefused):
        during.verify(signed(claims(), OLD, kid=KeyRing.key_id(SECRET)))


def test_macs_of_one_purpose_are_not_valid_for_another() -> None:
    keys = KeyRing(SECRET, OLD)
    mac = keys.sign("a", "message")
    assert keys.verify("a", "message", mac)
    assert KeyRing(OLD).verify("a", "message", KeyRing(OLD).sign("a", "message"))
    assert not keys.verify("b", "message", mac)
    assert not keys.verify("a", "massage", mac)
    assert not keys.verify("a", "message", mac.upper())
    assert keys.verify("a", "message", KeyRing(OLD).sign("a", "message")), "the previous key verifies"
    assert "xxxx" not in repr(keys)
