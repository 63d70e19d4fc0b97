"""The form of a key, and what a gateway remembers of the keys that it saw."""

import re
from uuid import uuid4

import pytest

from api.auth import api_keys
from api.auth.api_keys import ALPHABET, KEY_CHARS, ApiKeys, PresentedKey, key_hash, new_key, presented
from api.auth.dependencies import Auth
from api.auth.problems import ScopeRequired
from api.problems import TokenRefused
from db.api_keys import KeyFacts

KEY = PresentedKey("hash")


def facts(**changed: object) -> KeyFacts:
    values = {"id": uuid4(), "user_id": uuid4(), "scopes": frozenset({"jobs:read"}), "expires_at": None}
    return KeyFacts(**(values | {"use_is_old": False} | changed))  # type: ignore[arg-type]


def test_a_key_has_a_prefix_256_random_bits_and_a_checksum() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"aura_sk_[0-9A-Za-z]{49}", key) for key in keys)
    assert 62**api_keys.RANDOM_CHARS > 2**256
    assert presented(key := new_key()) == PresentedKey(key_hash(key))


def test_a_mistyped_key_is_refused_without_a_query() -> None:
    key = new_key()
    for position in range(len("aura_sk_"), KEY_CHARS):
        other = ALPHABET[(ALPHABET.index(key[position]) + 1) % len(ALPHABET)]
        with pytest.raises(TokenRefused):
            presented(key[:position] + other + key[position + 1 :])
    for wrong in ("aura_sk_", key[:-1], key + "0", key[:-1] + "é", "aura_sk_" + "\ud800" * 49):
        with pytest.raises(TokenRefused):
            presented(wrong)


async def test_an_access_token_is_no_key(auth: Auth) -> None:
    assert presented(auth.tokens.issue(uuid4(), uuid4())) is None


async def test_a_missing_scope_is_named(auth: Auth) -> None:
    with pytest.raises(ScopeRequired) as refused:
        auth.api_keys.admit(KEY, facts(), ["jobs:read", "jobs:write"])
    assert refused.value.members == {"scope": "jobs:write"}
    assert refused.value.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="jobs:write"'


async def test_the_users_of_known_keys_are_bounded_and_forgotten(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: ApiKeys = auth.api_keys
    monkeypatch.setattr(api_keys, "MAX_SEEN", 3)
    for number in range(10):
        keys.admit(PresentedKey(str(number)), facts(), [])
    assert len(keys._users) <= 3
    known = facts()
    keys.admit(KEY, known, [])
    assert keys.user_of(KEY) == known.user_id
    assert isinstance(keys.refuse(KEY), TokenRefused)
    assert keys.user_of(KEY) is None
