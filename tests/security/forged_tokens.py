"""Kinds of forged and abused access tokens, made from a valid one, the secret key, and public knowledge."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from uuid import UUID, uuid4

import jwt

from api.auth.keys import KeyRing
from api.auth.tokens import API_AUDIENCE, ISSUER, TYPE

Json = dict[str, Any]

UNSIGNED_ALGORITHMS = ("none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "dir")


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(payload: object, secret: bytes, hash_name: str = "sha256", **header: Any) -> str:
    """A token with a correct MAC, and any payload and header. A header member that is None is left out."""
    members = {"alg": "HS256", "typ": TYPE, "kid": KeyRing.key_id(secret)} | header
    head = json.dumps({name: value for name, value in members.items() if value is not None}).encode()
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    message = f"{encoded(head)}.{encoded(body)}"
    return f"{message}.{encoded(hmac.new(secret, message.encode(), hash_name).digest())}"


class Forger:
    """Makes every kind of token in the name of one signed-in user."""

    def __init__(self, secret: bytes, user_id: UUID, session_id: UUID, valid: str, ended: UUID, stranger: UUID) -> None:
        self.secret, self.valid = secret, valid
        self.user_id, self.session_id = user_id, session_id
        # A session of the user that was revoked, and the session of another user.
        self.ended, self.stranger = ended, stranger

    def claims(self, **changed: object) -> Json:
        now = int(time.time())
        values: Json = {
            "iss": ISSUER, "aud": API_AUDIENCE, "sub": str(self.user_id), "sid": str(self.session_id),
            "jti": "j" * 22, "iat": now, "exp": now + 60,
        }  # fmt: skip
        return {name: value for name, value in (values | changed).items() if value is not None}

    def kinds(self) -> dict[str, str]:
        """At least a hundred tokens by their kind. None of them may be accepted."""
        groups = (self._wrong_keys(), self._wrong_headers(), self._wrong_claims(), self._wrong_spellings())
        return {name: token for group in groups for name, token in group.items()} | self._other_credentials()

    def _wrong_keys(self) -> dict[str, str]:
        key_id, good = KeyRing.key_id(self.secret), self.claims()
        guesses = {
            "empty key": b"", "zeros": bytes(32), "secret": b"secret", "one byte more": self.secret + b"!",
            "reversed": self.secret[::-1], "upper case": self.secret.upper(), "the key id": key_id.encode(),
            "development key": b"development only: everyone knows this key",
            "hashed": hashlib.sha256(self.secret).digest(),
            "base64": base64.b64encode(self.secret), "hex": self.secret.hex().encode(),
        }  # fmt: skip
        found = {f"signed with {name}": sign(good, key, kid=key_id) for name, key in guesses.items() if key}
        found |= {f"own key id and {name}": sign(good, key) for name, key in guesses.items()}
        found |= {
            f"{name} with HS256 in its header": sign(good, self.secret, name) for name in ("sha384", "sha512", "md5")
        }
        unsigned = sign(good, self.secret).rpartition(".")[0]
        for algorithm in (
            "none",
            "None",
            "NONE",
            "nOnE",
            "",
            "HS384",
            "HS512",
            "RS256",
            "ES256",
            "PS256",
            "EdDSA",
            "dir",
        ):
            head, body = (
                encoded(json.dumps({"alg": algorithm, "typ": TYPE, "kid": key_id}).encode()),
                unsigned.split(".")[1],
            )
            found[f"alg {algorithm!r} without signature"] = f"{head}.{body}."
        return found | {"no signature": f"{unsigned}.", "empty signature part left out": unsigned}

    def _wrong_headers(self) -> dict[str, str]:
        headers: list[Json] = [
            {"typ": None}, {"typ": "JWT"}, {"typ": "at+JWT"}, {"typ": "application/at+jwt"}, {"typ": "refresh+jwt"},
            {"typ": 1}, {"kid": None}, {"kid": ""}, {"kid": 0}, {"kid": "' OR 1=1 --"}, {"kid": "../../../dev/null"},
            {"kid": "/proc/self/environ"}, {"kid": ["x"]}, {"alg": None}, {"alg": ["HS256"]}, {"crit": ["exp"]},
            {"crit": ["b64"], "b64": False}, {"b64": False}, {"jku": "http://127.0.0.1/jwks.json"}, {"zip": "DEF"},
            {"jwk": {"kty": "oct", "k": encoded(b"x" * 32)}}, {"x5u": "http://127.0.0.1/cert"}, {"x5c": ["AA=="]},
            {"cty": "JWT"}, {"extra": "x" * 100}, {"iss": ISSUER},
        ]  # fmt: skip
        return {f"header {header}"[:60]: sign(self.claims(), self.secret, **header) for header in headers}

    def _wrong_claims(self) -> dict[str, str]:
        now = int(time.time())
        changes: list[Json] = [
            {"exp": now - 1}, {"exp": None}, {"exp": str(now + 60)}, {"exp": "never"}, {"exp": now + 60.5},
            {"exp": True}, {"exp": [now + 60]}, {"exp": 10**20}, {"exp": now + 10 * 86_400}, {"exp": -now},
            {"iat": None},
            {"iat": now + 600}, {"iat": str(now)}, {"iat": 0}, {"nbf": now}, {"iss": None}, {"iss": "someone"},
            {"iss": [ISSUER]}, {"aud": None}, {"aud": "auraanim-socket"}, {"aud": [API_AUDIENCE]}, {"aud": "*"},
            {"aud": [API_AUDIENCE, "other"]}, {"sub": None}, {"sub": ""}, {"sub": "admin"}, {"sub": 0},
            {"sub": [str(self.user_id)]}, {"sub": {"eq": str(self.user_id)}}, {"sub": str(uuid4())}, {"sub": "\0"},
            {"sub": "' OR ''='"}, {"sid": None}, {"sid": "x"}, {"sid": str(uuid4())}, {"sid": str(self.ended)},
            {"sid": str(self.stranger)}, {"sid": [str(self.session_id)]}, {"sid": 7}, {"jti": None}, {"jti": ""},
            {"jti": 1}, {"jti": "x" * 500}, {"role": "admin"}, {"scope": "*"}, {"until": now + 60},
        ]  # fmt: skip
        found = {f"claim {change}"[:70]: sign(self.claims(**change), self.secret) for change in changes}
        for name, payload in {
            "an array": [self.claims()], "a string": "x", "null": None, "an empty object": {}, "no JSON": b"{",
            "NUL": b"\0", "two objects": b"{}{}", "nested": b"[" * 500, "not UTF-8": b"\xff\xfe",
        }.items():  # fmt: skip
            found[f"payload {name}"] = sign(payload, self.secret)
        return found

    def _wrong_spellings(self) -> dict[str, str]:
        head, body, mac = self.valid.split(".")
        last = chr(ord(mac[-1]) + 1) if mac[-1] not in "Zz9-_" else "A"
        return {
            "padding": f"{self.valid}=", "a flipped bit": self.valid[:-2] + chr(ord(mac[-2]) ^ 1) + mac[-1],
            "unused bits of the last digit": f"{head}.{body}.{mac[:-1]}{last}",
            "standard base64": self.valid.replace("-", "+").replace("_", "/") + "/",
            "four parts": f"{self.valid}.{mac}", "two parts": f"{head}.{body}", "empty parts": "..", "one part": head,
            "an ignored character": f"{head}.{body}.{mac[:5]}!{mac[5:]}", "a comma": f"{self.valid},{self.valid}",
            "parts exchanged": f"{body}.{head}.{mac}", "truncated": self.valid[:-1], "doubled": self.valid * 2,
            "upper case": self.valid.upper(), "lower case": self.valid.lower(), "long": self.valid + "A" * 4000,
            "JSON serialisation": json.dumps({"payload": body, "protected": head, "signature": mac}),
            "payload of another token": f"{head}.{encoded(json.dumps(self.claims(sub=str(uuid4()))).encode())}.{mac}",
        }  # fmt: skip

    def _other_credentials(self) -> dict[str, str]:
        """What this service or another one issues for other purposes."""
        keys = KeyRing(self.secret)
        return {
            "the signing key": self.secret.decode(), "the user id": str(self.user_id),
            "the session id": str(self.session_id),
            "a MAC of a device": keys.sign("known device", str(self.user_id)), "null": "null", "undefined": "undefined",
            "a plain JWT library token": jwt.encode(self.claims(), self.secret, "HS256"),
            "Basic credentials": base64.b64encode(b"admin:admin").decode(),
        }  # fmt: skip
