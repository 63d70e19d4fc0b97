"""A PostgreSQL server for the benchmarks, durable as in production, and databases with waiting users."""

import asyncio
import contextlib
import json
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db import engine as engines
from db.embedded import Postgres
from db.jobs import leases
from db.jobs import queries as jobs
from db.jobs.leases import Lease
from db.jobs.quotas import Quotas
from db.settings import plain_url

Sessions = async_sessionmaker[AsyncSession]
REPOSITORY: Final = Path(__file__).parents[2]
VIDEO: Final[dict[str, Any]] = {
    "kind": "video", "content_type": "video/mp4", "width": 64, "height": 64, "fps": 8.0, "frames": 8,
    "duration": 1.0, "size_bytes": 3, "sha256": "0" * 64,
}  # fmt: skip
SPEC: Final = {"prompt": "a red circle moving right", "duration_seconds": 1.0, "fps": 8}
QUOTAS: Final = Quotas(queued_per_user=50)


@dataclass(frozen=True)
class Server:
    postgres: Postgres

    async def database(self) -> str:
        """The URL of a new, migrated database, for the owner of its tables."""
        name = f"bench_{secrets.token_hex(4)}"
        superuser = await asyncpg.connect(plain_url(self.postgres.superuser_url))
        await superuser.execute(f"CREATE DATABASE {name} OWNER aura_owner")
        await superuser.close()
        url = self.postgres.owner_url.removesuffix("postgres") + name
        # In a process of its own: Alembic runs an event loop.
        program = f"from db import migrate; migrate.upgrade({url!r})"
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=REPOSITORY)
        if await process.wait():
            raise RuntimeError("the migrations failed")
        return url


@contextlib.contextmanager
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="aura-bench-") as folder:
        Path(folder).chmod(0o755)
        postgres = Postgres(folder, die_with_parent=True)
        postgres.start()
        try:
            yield Server(postgres)
        finally:
            postgres.stop()


async def seed(url: str, *, users: int, jobs_per_user: int) -> None:
    """Waiting users with waiting jobs. Each trigger would run for minutes, so the turns are inserted at once."""
    connection = await asyncpg.connect(plain_url(url))
    await connection.execute("ALTER TABLE jobs DISABLE TRIGGER USER")
    # Ids rise with time, as in production: random ones would touch other pages of every index.
    await connection.execute(
        "INSERT INTO users (id, email, password_hash) "
        f"SELECT uuidv7(n * interval '1 ms' - interval '1 day'), n || '@example.com', 'x' "
        f"FROM generate_series(1, {users}) AS n"
    )
    await connection.execute(
        "INSERT INTO jobs (id, owner_id, spec, created_at, available_at) "
        f"SELECT uuidv7(waited), id, '{json.dumps(SPEC)}', now() + waited, now() - interval '1 day' FROM ("
        "SELECT id, row_number() OVER (ORDER BY n, id) * interval '1 ms' - interval '1 day' AS waited "
        f"FROM users CROSS JOIN generate_series(1, {jobs_per_user}) AS n) AS submitted ORDER BY waited"
    )
    await connection.execute(
        "INSERT INTO turns (owner_id, queued, head_id, head_priority, waits_since) "
        f"SELECT DISTINCT ON (owner_id) owner_id, {jobs_per_user}, id, priority, created_at FROM jobs "
        "ORDER BY owner_id, created_at"
    )
    await connection.execute("ALTER TABLE jobs ENABLE TRIGGER USER")
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


@contextlib.asynccontextmanager
async def sessions(url: str) -> AsyncIterator[Sessions]:
    engine = engines.connect(url)
    try:
        yield engines.sessions(engine)
    finally:
        await engine.dispose()


async def enqueue(opened: Sessions, owner_id: UUID) -> None:
    async with opened.begin() as session:
        await jobs.enqueue(session, owner_id=owner_id, spec=SPEC, seconds=1.0, quotas=QUOTAS)


async def claim(opened: Sessions, owner: str = "w", running_per_user: int = 100) -> Lease:
    async with opened.begin() as session:
        job = await leases.claim(session, owner=owner, running_per_user=running_per_user, lease_seconds=30)
    if job is None:
        raise RuntimeError("no job is waiting")
    return leases.lease_of(job)


async def publish(opened: Sessions, lease: Lease) -> None:
    artifacts = [{**VIDEO, "key": f"jobs/{lease.job_id}/{lease.attempt}/video.mp4"}]
    async with opened.begin() as session:
        if not await leases.publish(session, lease, resolved={}, warnings=[], artifacts=artifacts):
            raise RuntimeError("fenced")


async def ids(url: str, query: str) -> list[UUID]:
    connection = await asyncpg.connect(plain_url(url))
    rows = await connection.fetch(query)
    await connection.close()
    return [row[0] for row in rows]
