"""API keys: `aura_sk_`, 43 random characters, and a checksum of 6, by which a mistyped key is refused without a query.

Scanners of source code recognise a leaked key by its prefix and checksum, and do not report what only looks like one.
"""

import asyncio
import hashlib
import secrets
import string
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.auth.problems import ScopeRequired
from api.auth.tokens import MAX_LIFETIME_SECONDS, Access
from api.problems import TokenRefused
from db import api_keys
from db.api_keys import KeyFacts
from db.errors import is_transient

PREFIX: Final = "aura_sk_"
ALPHABET: Final = string.digits + string.ascii_letters
# log2(62^43) = 256.03 bits.
RANDOM_CHARS: Final = 43
CHECKSUM_CHARS: Final = 6
KEY_CHARS: Final = len(PREFIX) + RANDOM_CHARS + CHECKSUM_CHARS
# What is stored of a key besides its hash.
SHOWN_CHARS: Final = len(PREFIX) + 4
# Between two writes of the keys that were used.
WRITE_SECONDS: Final = 2.0
# Bounds the memory of the keys that were seen.
MAX_SEEN: Final = 10_000
log = structlog.get_logger("api.auth")


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """The hash of a key that a request carries. Whether the key exists has not been checked."""

    key_hash: str


def new_key() -> str:
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARS))
    return f"{PREFIX}{random}{checksum(random)}"


def checksum(random: str) -> str:
    """CRC-32 in base 62."""
    value, digits = zlib.crc32(random.encode("utf-8", "replace")), ""
    for _ in range(CHECKSUM_CHARS):
        value, digit = divmod(value, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def key_hash(key: str) -> str:
    """The stored form of a key. SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def presented(token: str) -> PresentedKey | None:
    """The hash of the key, or None if this is no key. TokenRefused if it is a mistyped one."""
    if not token.startswith(PREFIX):
        return None
    if len(token) != KEY_CHARS or token[-CHECKSUM_CHARS:] != checksum(token[len(PREFIX) : -CHECKSUM_CHARS]):
        raise TokenRefused
    return PresentedKey(key_hash(token))


class ApiKeys:
    """The keys that requests to this gateway carried."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._users: dict[str, UUID] = {}
        self._used: set[UUID] = set()

    def refuse(self, key: PresentedKey) -> TokenRefused:
        """The problem for a key that is unknown, revoked or expired."""
        self._users.pop(key.key_hash, None)
        return TokenRefused()

    def admit(self, key: PresentedKey, facts: KeyFacts, scopes: Iterable[str]) -> Access:
        """The access of a valid key. ScopeRequired if it lacks one of the scopes."""
        if len(self._users) >= MAX_SEEN:
            self._users.clear()
        self._users[key.key_hash] = facts.user_id
        if facts.use_is_old:
            self._used.add(facts.id)
        if missing := [scope for scope in scopes if scope not in facts.scopes]:
            raise ScopeRequired(missing[0])
        # A stream of a key without an expiry ends after a day, and its client opens another one.
        expires_at = time.time() + MAX_LIFETIME_SECONDS
        if facts.expires_at is not None:
            expires_at = min(expires_at, facts.expires_at.timestamp())
        return Access(facts.user_id, facts.id, expires_at, facts.scopes)

    def user_of(self, key: PresentedKey) -> UUID | None:
        """The user of a key that was valid when it was last used here. Not for authentication."""
        return self._users.get(key.key_hash)

    async def run(self) -> None:
        """Record the uses until canceled."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            try:
                await self.record_uses()
            except Exception as error:  # outermost loop of the process
                log.warning("uses not written", error=type(error).__name__, exc_info=not is_transient(error))

    async def record_uses(self) -> None:
        used, self._used = self._used, set()
        if used:
            async with self._sessions.begin() as session:
                await api_keys.record_uses(session, used)
