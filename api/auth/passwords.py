"""Password hashing: argon2id with OWASP's parameters, in a few threads. One hash takes 19 MiB and about 90 ms."""

from functools import cache

import anyio
from anyio.to_thread import run_sync
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

MEMORY_KIB = 19 * 1024
MAX_CONCURRENT_HASHES = 4

HASHER = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1),))


@cache
def dummy_hash() -> str:
    return HASHER.hash("a password that no account has")


class Passwords:
    def __init__(self) -> None:
        # Computed at startup: otherwise the first login to an unknown address takes twice as long.
        self._dummy_hash = dummy_hash()
        self._threads = anyio.CapacityLimiter(MAX_CONCURRENT_HASHES)

    async def hash(self, password: str) -> str:
        return await run_sync(HASHER.hash, password, limiter=self._threads)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password matches. Without a hash (no such account) it is False after the same time."""
        matches = await run_sync(HASHER.verify, password, password_hash or self._dummy_hash, limiter=self._threads)
        return matches and password_hash is not None
