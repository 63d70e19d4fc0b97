"""Access tokens (short-lived JWTs, RFC 9068) and the random tokens of which only the hash is stored."""

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.auth.keys import KeyRing
from api.problems import TokenRefused

ISSUER: Final = "auraanim"
API_AUDIENCE: Final = "auraanim-api"
ALGORITHM: Final = "HS256"
TYPE: Final = "at+jwt"
# Tolerated clock skew between two gateways: a token that one issues is valid at once at the other.
CLOCK_SKEW_SECONDS: Final = 10
MAX_TOKEN_CHARS: Final = 2048
# The longest ACCESS_TOKEN_SECONDS.
MAX_LIFETIME_SECONDS: Final = 86_400
COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
HEADER: Final = frozenset({"alg", "kid", "typ"})


@dataclass(frozen=True, slots=True)
class Access:
    """The verified user and login session, and the expiry of the authentication in seconds since 1970.

    If `scopes` is set, `session_id` is the id of an API key with these scopes instead.
    """

    user_id: UUID
    session_id: UUID
    expires_at: float
    scopes: frozenset[str] | None = None


class Claims(BaseModel):
    """Exactly the claims that `Tokens.issue` writes, with their JSON types."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    iss: Literal["auraanim"]
    aud: Literal["auraanim-api"]
    sub: UUID
    sid: UUID
    jti: str = Field(min_length=16, max_length=64)
    iat: int = Field(ge=0)
    exp: int = Field(ge=0)


class Tokens:
    """Signs and verifies access tokens: one algorithm, and only the header and the claims written here."""

    def __init__(self, keys: KeyRing, lifetime_seconds: int) -> None:
        self._keys = keys
        self._jws = jwt.PyJWS(algorithms=[ALGORITHM])
        self.lifetime_seconds = lifetime_seconds

    def issue(self, user_id: UUID, session_id: UUID) -> str:
        now = int(time.time())
        claims = Claims(
            iss=ISSUER,
            aud=API_AUDIENCE,
            sub=user_id,
            sid=session_id,
            jti=secrets.token_urlsafe(16),
            iat=now,
            exp=now + self.lifetime_seconds,
        )
        headers = {"kid": KeyRing.key_id(self._keys.current), "typ": TYPE}
        return self._jws.encode(claims.model_dump_json().encode(), self._keys.current, ALGORITHM, headers)

    def verify(self, token: str) -> Access:
        """The user and session of an access token, or TokenRefused. PyJWT accepts one spelling of a signature."""
        if len(token) > MAX_TOKEN_CHARS or not COMPACT.fullmatch(token):
            raise TokenRefused
        try:
            header = jwt.get_unverified_header(token)
            # RFC 8725: the key decides the algorithm, and the type is explicit. Any other member, such as `crit`,
            # `jku` or `b64`, is refused.
            secret = self._keys.find(header.get("kid"))
            if secret is None or header.keys() != HEADER or header["typ"] != TYPE:
                raise TokenRefused
            claims = Claims.model_validate_json(self._jws.decode(token, secret, [ALGORITHM]))
        except (jwt.InvalidTokenError, ValidationError, ValueError) as error:
            raise TokenRefused from error
        now = time.time()
        lifetime = claims.exp - claims.iat
        if lifetime > MAX_LIFETIME_SECONDS or not claims.iat - CLOCK_SKEW_SECONDS <= now < claims.exp:
            raise TokenRefused
        return Access(claims.sub, claims.sid, claims.exp)


def new_token() -> str:
    """A random token of 256 bits: a refresh token, a ticket, or part of a link in a mail."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """The stored form of a random token. SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def access_of(data: dict[str, Any], user_id: UUID) -> Access:
    """The access that a ticket was made from; see `tickets`."""
    scopes = frozenset(data["scopes"]) if "scopes" in data else None
    return Access(user_id, UUID(data["session_id"]), float(data["expires_at"]), scopes)


def data_of(access: Access) -> dict[str, Any]:
    """The inverse of `access_of`, as JSON."""
    data: dict[str, Any] = {"session_id": str(access.session_id), "expires_at": access.expires_at}
    return data if access.scopes is None else data | {"scopes": sorted(access.scopes)}
