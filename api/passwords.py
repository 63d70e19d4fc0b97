"""argon2id with OWASP's parameters, off the event loop and few at a time: each check takes 19 MiB and about 90 ms."""

import anyio
from anyio.to_thread import run_sync
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

MEMORY_KIB = 19 * 1024
AT_ONCE = 4


class Passwords:
    def __init__(self) -> None:
        self._hasher = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1),))
        self._nobody = self._hasher.hash("the password of nobody")
        self._slots = anyio.CapacityLimiter(AT_ONCE)

    async def hash(self, password: str) -> str:
        return await run_sync(self._hasher.hash, password, limiter=self._slots)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Without a hash (nobody has this address) it costs the same time and is False."""
        matches = await run_sync(self._hasher.verify, password, password_hash or self._nobody, limiter=self._slots)
        return matches and password_hash is not None
