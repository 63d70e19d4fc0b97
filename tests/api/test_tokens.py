import time
from uuid import uuid4

import jwt
import pytest

from api.problems import TokenRefused
from api.tokens import API, CLOCK_SECONDS, ISSUER, TICKET_SECONDS, Access, Tokens

SECRET = "a secret of the tests, " + 40 * "x"
USER = uuid4()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET, 900)


def claims(**changed: object) -> dict[str, object]:
    now = int(time.time())
    made = {"iss": ISSUER, "aud": API, "sub": str(USER), "iat": now, "exp": now + 60} | changed
    return {name: value for name, value in made.items() if value is not None}


def test_an_access_token_names_the_user(tokens: Tokens) -> None:
    access = tokens.read(tokens.access(USER))
    assert access.user_id == USER
    assert access.expires_at == pytest.approx(time.time() + 900, abs=2)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "else"}, {"aud": "else"}, {"exp": int(time.time()) - 1}, {"exp": None}, {"iss": None}, {"aud": None},
        {"sub": None}, {"iat": int(time.time()) + CLOCK_SECONDS + 60},
    ],
)  # fmt: skip
def test_wrong_claims_are_refused(tokens: Tokens, changed: dict[str, object]) -> None:
    with pytest.raises(TokenRefused):
        tokens.read(jwt.encode(claims(**changed), SECRET, "HS256"))


def test_right_claims_are_accepted(tokens: Tokens) -> None:
    assert tokens.read(jwt.encode(claims(), SECRET, "HS256")).user_id == USER


def test_a_gateway_whose_clock_is_ahead_is_believed(tokens: Tokens) -> None:
    made = claims(iat=int(time.time()) + CLOCK_SECONDS - 2)
    assert tokens.read(jwt.encode(made, SECRET, "HS256")).user_id == USER


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
        tokens.read(token)


def test_a_ticket_works_once_and_is_no_access_token(tokens: Tokens) -> None:
    access = Access(USER, time.time() + 100)
    ticket = tokens.ticket(access)
    with pytest.raises(TokenRefused):
        tokens.read(ticket)
    assert tokens.redeem(ticket) == access
    with pytest.raises(TokenRefused):
        tokens.redeem(ticket)


def test_a_ticket_is_not_remembered_for_shorter_than_it_opens(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    with monkeypatch.context() as earlier:
        earlier.setattr(time, "time", lambda: now - TICKET_SECONDS - 2)
        ticket = tokens.ticket(Access(USER, now + 100))
        tokens.redeem(ticket)
    with pytest.raises(TokenRefused):
        tokens.redeem(ticket)


def test_an_access_token_is_no_ticket(tokens: Tokens) -> None:
    with pytest.raises(TokenRefused):
        tokens.redeem(tokens.access(USER))
