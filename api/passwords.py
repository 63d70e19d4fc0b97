"""argon2id with OWASP's parameters, off the event loop and few at a time: each check takes 19 MiB and about 90 ms."""

from functools import cache

import anyio
from anyio.to_thread import run_sync
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

MEMORY_KIB = 19 * 1024
AT_ONCE = 4


HASHER = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1),))


@cache
def hash_of_nobody() -> str:
    return HASHER.hash("the password of nobody")


class Passwords:
    def __init__(self) -> None:
        self._nobody = hash_of_nobody()  # made here: the first login must not be the slow one
        self._slots = anyio.CapacityLimiter(AT_ONCE)

    async def hash(self, password: str) -> str:
        return await run_sync(HASHER.hash, password, limiter=self._slots)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Without a hash (nobody has this address) it costs the same time and is False."""
        matches = await run_sync(HASHER.verify, password, password_hash or self._nobody, limiter=self._slots)
        return matches and password_hash is not None
