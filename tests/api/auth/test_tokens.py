import time
from uuid import uuid4

import jwt
import pytest

from api.auth.tokens import API_AUDIENCE, CLOCK_SKEW_SECONDS, ISSUER, TICKET_SECONDS, Access, Tokens
from api.problems import TokenRefused

SECRET = "a secret of the tests, " + 40 * "x"
USER = uuid4()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET, 900)


def claims(**changed: object) -> dict[str, object]:
    now = int(time.time())
    values = {"iss": ISSUER, "aud": API_AUDIENCE, "sub": str(USER), "iat": now, "exp": now + 60} | changed
    return {name: value for name, value in values.items() if value is not None}


def test_an_access_token_identifies_the_user(tokens: Tokens) -> None:
    access = tokens.verify(tokens.issue(USER))
    assert access.user_id == USER
    assert access.expires_at == pytest.approx(time.time() + 900, abs=2)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "else"}, {"aud": "else"}, {"exp": int(time.time()) - 1}, {"exp": None}, {"iss": None}, {"aud": None},
        {"sub": None}, {"iat": int(time.time()) + CLOCK_SKEW_SECONDS + 60},
    ],
)  # fmt: skip
def test_wrong_claims_are_refused(tokens: Tokens, changed: dict[str, object]) -> None:
    with pytest.raises(TokenRefused):
        tokens.verify(jwt.encode(claims(**changed), SECRET, "HS256"))


def test_correct_claims_are_accepted(tokens: Tokens) -> None:
    assert tokens.verify(jwt.encode(claims(), SECRET, "HS256")).user_id == USER


def test_clock_skew_between_gateways_is_tolerated(tokens: Tokens) -> None:
    skewed = claims(iat=int(time.time()) + CLOCK_SKEW_SECONDS - 2)
    assert tokens.verify(jwt.encode(skewed, SECRET, "HS256")).user_id == USER


@pytest.mark.parametrize(
    "token",
    [
        "", "x", "a.b.c", "\ud800", "é.é.é",
        jwt.encode(claims(), None, "none"),
        jwt.encode(claims(), SECRET, "HS384"),
        jwt.encode(claims(), SECRET + "!", "HS256"),
    ],
)  # fmt: skip
def test_other_keys_and_algorithms_are_refused(tokens: Tokens, token: str) -> None:
    with pytest.raises(TokenRefused):
        tokens.verify(token)


def test_a_ticket_is_valid_once_and_not_as_an_access_token(tokens: Tokens) -> None:
    access = Access(USER, time.time() + 100)
    ticket = tokens.issue_ticket(access)
    with pytest.raises(TokenRefused):
        tokens.verify(ticket)
    assert tokens.redeem_ticket(ticket) == access
    with pytest.raises(TokenRefused):
        tokens.redeem_ticket(ticket)


def test_a_redeemed_ticket_is_recorded_until_it_expires(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    with monkeypatch.context() as earlier:
        earlier.setattr(time, "time", lambda: now - TICKET_SECONDS - 2)
        ticket = tokens.issue_ticket(Access(USER, now + 100))
        tokens.redeem_ticket(ticket)
    with pytest.raises(TokenRefused):
        tokens.redeem_ticket(ticket)


def test_an_access_token_is_not_valid_as_a_ticket(tokens: Tokens) -> None:
    with pytest.raises(TokenRefused):
        tokens.redeem_ticket(tokens.issue(USER))
