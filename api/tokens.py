"""Access tokens (short JWTs), tickets for the WebSocket, and opaque refresh tokens."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt

from api.problems import TokenRefused

ISSUER = "auraanim"
API = "auraanim-api"
SOCKET = "auraanim-socket"
ALGORITHM = "HS256"
TICKET_SECONDS = 30
CLOCK_SECONDS = 10
"""So far the clocks of two gateways may be apart: a token of the one that is ahead is good at the other."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who it is, and until when (seconds since 1970) that is known."""

    user_id: UUID
    expires_at: float


class Tokens:
    def __init__(self, secret: str, lifetime_seconds: int) -> None:
        self._secret = secret
        self._redeemed: dict[str, float] = {}
        self.lifetime_seconds = lifetime_seconds

    def access(self, user_id: UUID) -> str:
        return self._sign(API, user_id, self.lifetime_seconds)

    def read(self, token: str) -> Access:
        claims = self._verify(token, API)
        return Access(UUID(claims["sub"]), claims["exp"])

    def ticket(self, access: Access) -> str:
        """For the first message of a WebSocket; what it opens lasts no longer than the access token did."""
        jti = secrets.token_urlsafe(16)
        return self._sign(SOCKET, access.user_id, TICKET_SECONDS, until=access.expires_at, jti=jti)

    def redeem(self, ticket: str) -> Access:
        """Works once per gateway process; across several processes its thirty seconds are the limit."""
        claims = self._verify(ticket, SOCKET)
        now = time.time()
        self._redeemed = {jti: expiry for jti, expiry in self._redeemed.items() if expiry > now}
        if claims["jti"] in self._redeemed:
            raise TokenRefused
        self._redeemed[claims["jti"]] = claims["exp"]
        return Access(UUID(claims["sub"]), claims["until"])

    def _sign(self, audience: str, user_id: UUID, seconds: int, **more: Any) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": audience, "sub": str(user_id), "iat": now, "exp": now + seconds}
        return jwt.encode(claims | more, self._secret, ALGORITHM)

    def _verify(self, token: str, audience: str) -> dict[str, Any]:
        if not token.isascii():
            raise TokenRefused
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=audience,
                issuer=ISSUER,
                leeway=CLOCK_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.InvalidTokenError as error:
            raise TokenRefused from error
        if claims["exp"] <= time.time():  # the leeway is for `iat` alone: a ticket is remembered until it expires
            raise TokenRefused
        return claims


def new_refresh_token() -> str:
    return secrets.token_urlsafe(32)


def refresh_hash(token: str) -> str:
    """What the database keeps: a token of 256 random bits needs no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
