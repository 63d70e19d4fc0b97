"""Access tokens (short-lived JWTs), tickets for the WebSocket, and opaque refresh tokens."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt

from api.problems import TokenRefused

ISSUER = "auraanim"
API_AUDIENCE = "auraanim-api"
TICKET_AUDIENCE = "auraanim-socket"
ALGORITHM = "HS256"
TICKET_SECONDS = 30
# Tolerated clock skew between two gateways: a token that one issues is valid at once at the other.
CLOCK_SKEW_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Access:
    """The verified user, and the expiry of the authentication in seconds since 1970."""

    user_id: UUID
    expires_at: float


class Tokens:
    def __init__(self, secret: str, lifetime_seconds: int) -> None:
        self._secret = secret
        self._redeemed: dict[str, float] = {}
        self.lifetime_seconds = lifetime_seconds

    def issue(self, user_id: UUID) -> str:
        return self._sign(API_AUDIENCE, user_id, self.lifetime_seconds)

    def verify(self, token: str) -> Access:
        """The claims of an access token, or TokenRefused."""
        claims = self._verify(token, API_AUDIENCE)
        return Access(UUID(claims["sub"]), claims["exp"])

    def issue_ticket(self, access: Access) -> str:
        """A ticket for the first message of a WebSocket. The connection expires with the access token."""
        jti = secrets.token_urlsafe(16)
        return self._sign(TICKET_AUDIENCE, access.user_id, TICKET_SECONDS, until=access.expires_at, jti=jti)

    def redeem_ticket(self, ticket: str) -> Access:
        """Redeem a ticket once, or raise TokenRefused.

        Redeemed tickets are recorded per process; another gateway accepts the ticket again until it expires.
        """
        claims = self._verify(ticket, TICKET_AUDIENCE)
        now = time.time()
        self._redeemed = {jti: expiry for jti, expiry in self._redeemed.items() if expiry > now}
        if claims["jti"] in self._redeemed:
            raise TokenRefused
        self._redeemed[claims["jti"]] = claims["exp"]
        return Access(UUID(claims["sub"]), claims["until"])

    def _sign(self, audience: str, user_id: UUID, seconds: int, **extra: Any) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": audience, "sub": str(user_id), "iat": now, "exp": now + seconds}
        return jwt.encode(claims | extra, self._secret, ALGORITHM)

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
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.InvalidTokenError as error:
            raise TokenRefused from error
        # The leeway must not apply to `exp`: a redeemed ticket is recorded only until it expires.
        if claims["exp"] <= time.time():
            raise TokenRefused
        return claims


def new_refresh_token() -> str:
    return secrets.token_urlsafe(32)


def refresh_hash(token: str) -> str:
    """The stored form of a refresh token. SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
