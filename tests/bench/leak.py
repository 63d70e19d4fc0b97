"""leak: rows, pages and memory that stay behind after jobs and their videos have come and gone."""

from uuid import UUID

import asyncpg

from db.jobs import trash
from db.settings import plain_url
from db.videos import trash as video_trash
from tests.bench import database, process_memory
from tests.bench.database import Server, Sessions
from tests.bench.result import Goal, Result

USERS = 20
_ROWS = "SELECT " + " + ".join(
    f"(SELECT count(*) FROM {name})" for name in ("jobs", "attempts", "videos", "artifacts", "turns")
)
_PAGES = "SELECT pg_total_relation_size('turns') / 8192"


async def measure(server: Server, *, quick: bool) -> list[Result]:
    url = await server.database()
    await database.seed(url, users=USERS, jobs_per_user=0)
    owners = await database.ids(url, "SELECT id FROM users")
    connection = await asyncpg.connect(plain_url(url))
    async with database.sessions(url) as opened:
        pages = []
        # VACUUM after each block, as autovacuum does in a busy system.
        for _ in range(2 if quick else 5):
            await _come_and_go(opened, owners, 50)
            await connection.execute("VACUUM turns")
            pages.append(await connection.fetchval(_PAGES))
        rows = await connection.fetchval(_ROWS)
    await connection.close()
    results = [
        Result("leak", "pages of turns, after the last ÷ after the first 50 jobs", pages[-1], pages[0],
               Goal(1.02, "at most")),
        Result("leak", "rows left of purged jobs and videos, ÷ 1", rows, 1, Goal(0, "at most", of="numerator")),
    ]  # fmt: skip
    return results if quick else [*results, *await process_memory.measure(server)]


async def _come_and_go(opened: Sessions, owners: list[UUID], count: int) -> None:
    """Submit, run, trash and purge jobs, with their videos."""
    for number in range(count):
        owner = owners[number % len(owners)]
        await database.enqueue(opened, owner)
        lease = await database.claim(opened)
        await database.publish(opened, lease)
        async with opened.begin() as session:
            await trash.move_to_trash(session, lease.job_id, owner_id=owner)
    async with opened.begin() as session:
        await trash.purge(session, days=0, limit=10_000)
        await video_trash.purge(session, days=0, limit=10_000)
