"""A gateway, or the bare server that it is compared with, as a process of its own; and users with access tokens."""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
import psutil
from pydantic import SecretStr

from api.auth.keys import KeyRing
from api.auth.tokens import Tokens
from db.embedded import free_port
from db.ids import uuid7
from db.settings import plain_url
from tests.bench.database import REPOSITORY

_SECRET: Final = "a secret key of the benchmarks, and long enough"
_START_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Running:
    port: int
    process: psutil.Process

    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory_bytes(self) -> int:
        """Memory that no other process shares."""
        return int(self.process.memory_full_info().uss)


@dataclass(frozen=True)
class User:
    id: UUID
    session_id: UUID
    token: str


@contextlib.asynccontextmanager
async def gateway(url: str) -> AsyncIterator[Running]:
    async with _run("-m", "api", "--port", url=url) as running:
        yield running


@contextlib.asynccontextmanager
async def bare(url: str) -> AsyncIterator[Running]:
    """Starlette and asyncpg without anything of ours: see `bare.py`."""
    async with _run("-m", "tests.bench.bare", url=url) as running:
        yield running


@contextlib.asynccontextmanager
async def _run(*arguments: str, url: str) -> AsyncIterator[Running]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="aura-bench-") as folder:
        environment = {
            **os.environ, "DATABASE_URL": url, "SECRET_KEY": _SECRET, "AURA_ENV": "development",
            "STORAGE_DIR": folder, "STORAGE_SIGNING_KEY": _SECRET, "CONNECTIONS": "5000",
            "CONNECTIONS_PER_ADDRESS": "5000", "NEW_CONNECTIONS_PER_MINUTE": "1000000", "REQUESTS_PER_CLIENT": "64",
            "SOCKET_AUTH_SECONDS": "60",
        }  # fmt: skip
        log = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, str(port), cwd=REPOSITORY, env=environment, stdout=log, stderr=log
        )
        try:
            await _until_it_listens(port)
            yield Running(port, psutil.Process(process.pid))
        finally:
            process.terminate()
            await process.wait()


async def _until_it_listens(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the server did not start")


async def users(url: str, count: int) -> list[User]:
    """New users who are signed in for an hour."""
    tokens = Tokens(KeyRing.of(SecretStr(_SECRET), SecretStr("")), 3600)
    made = [(uuid7(), uuid7()) for _ in range(count)]
    connection = await asyncpg.connect(plain_url(url))
    await connection.executemany(
        "INSERT INTO users (id, email, password_hash) VALUES ($1::uuid, $1::uuid || '@example.org', 'x')",
        [(user_id,) for user_id, _ in made],
    )
    await connection.executemany(
        "INSERT INTO login_sessions (id, user_id, expires_at) VALUES ($1, $2, now() + interval '1 day')",
        [(session_id, user_id) for user_id, session_id in made],
    )
    await connection.close()
    return [User(user_id, session_id, tokens.issue(user_id, session_id)) for user_id, session_id in made]
