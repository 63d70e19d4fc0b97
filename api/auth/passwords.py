"""Passwords: the rules for new ones, and their hashes: argon2id with OWASP's parameters, in a few threads.

One hash takes 19 MiB and about 90 ms.
"""

import os
import unicodedata
from functools import cache
from typing import Final

import anyio
from anyio.to_thread import run_sync
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

MEMORY_KIB = 19 * 1024
# The other half of the cores answers other requests meanwhile.
MAX_CONCURRENT_HASHES = min(4, max(1, (os.cpu_count() or 1) // 2))
MIN_CHARS = 12
MAX_CHARS = 256
# zxcvbn's estimate below which a password is on a list, or easily made from one: 10^8 guesses.
MIN_SCORE: Final = 3
# The estimate is cubic in the length, and exponential in the number of different digits that can stand for letters.
# With these limits it takes 0.15 s at most.
ASSESSED_CHARS: Final = 64
ASSESSED_SYMBOLS: Final = 10
SERVICE_WORDS: Final = ("auraanim", "aura", "anim")
_SYMBOLS: Final = frozenset(symbol for symbols in L33T_TABLE.values() for symbol in symbols)

HASHER = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1),))


@cache
def dummy_hash() -> str:
    return HASHER.hash("a password that no account has")


def normalize(password: str) -> str:
    """NFC: the same characters are the same password, however the keyboard composes them."""
    return unicodedata.normalize("NFC", password)


def is_guessable(password: str, email: str) -> bool:
    """Whether a password is on a list of common ones, contains little else, or repeats the address."""
    words = [*SERVICE_WORDS, email, *email.partition("@")[::2]]
    return bool(zxcvbn(_assessed(password), user_inputs=words)["score"] < MIN_SCORE)


def _assessed(password: str) -> str:
    """The part of a password whose estimate is affordable. The rest can only make it harder to guess."""
    symbols: set[str] = set()
    for position, character in enumerate(password[:ASSESSED_CHARS]):
        symbols |= {character} & _SYMBOLS
        if len(symbols) > ASSESSED_SYMBOLS:
            return password[:position]
    return password[:ASSESSED_CHARS]


class Passwords:
    def __init__(self) -> None:
        # Computed at startup: otherwise the first login to an unknown address takes twice as long.
        self._dummy_hash = dummy_hash()
        self._threads = anyio.CapacityLimiter(MAX_CONCURRENT_HASHES)

    async def hash(self, password: str) -> str:
        return await run_sync(HASHER.hash, password, limiter=self._threads)

    async def is_guessable(self, password: str, email: str) -> bool:
        return await run_sync(is_guessable, password, email, limiter=self._threads)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password matches. Without a hash (no such account) it is False after the same time."""
        matches = await run_sync(HASHER.verify, password, password_hash or self._dummy_hash, limiter=self._threads)
        return matches and password_hash is not None
