"""crowd: what a claim, a position and a status cost with many waiting users, against few."""

import statistics
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from db import login_sessions
from db.direct import Direct
from db.jobs import positions, status
from tests.bench import database
from tests.bench.database import Server, Sessions
from tests.bench.result import Goal, Result, percentile_95

FEW_USERS = 50
BLOCKS, JOBS_PER_BLOCK = 12, 10
MAX_MS = 10.0


async def measure(server: Server, *, quick: bool) -> list[Result]:
    results = []
    for users in (3_000,) if quick else (50_000, 200_000):
        few, many = await server.database(), await server.database()
        await database.seed(few, users=FEW_USERS, jobs_per_user=20)
        await database.seed(many, users=users, jobs_per_user=1)
        results += await _rows(few, many, f"{users:,} users waiting")
    return results


async def _rows(few: str, many: str, crowd: str) -> list[Result]:
    async with database.sessions(few) as of_few, database.sessions(many) as of_many:
        blocks: dict[str, list[float]] = {"few": [], "many": []}
        claims: dict[str, list[float]] = {"few": [], "many": []}
        for _ in range(BLOCKS):
            for name, opened in (("few", of_few), ("many", of_many)):
                blocks[name].append(await _jobs_per_second(opened, claims[name]))
        rate = {name: statistics.median(values) for name, values in blocks.items()}
        reads = {name: await _reads(url, opened) for name, url, opened in
                 (("few", few, of_few), ("many", many, of_many))}  # fmt: skip
    at_most = Goal(MAX_MS, "at most", of="numerator")
    latencies = {"claim": {name: claims[name] for name in claims}} | {
        what: {name: reads[name][what] for name in reads} for what in ("position", "status")
    }
    return [
        Result("crowd", f"jobs/s, {crowd} ÷ {FEW_USERS}", rate["many"], rate["few"], Goal(0.9, "at least")),
        *(
            Result("crowd", f"{what} p95 ms, {crowd} ÷ {FEW_USERS}",
                   percentile_95(values["many"]), percentile_95(values["few"]), at_most)
            for what, values in latencies.items()
        ),
    ]  # fmt: skip


async def _jobs_per_second(opened: Sessions, claims: list[float]) -> float:
    began = time.perf_counter()
    for _ in range(JOBS_PER_BLOCK):
        claimed_at = time.perf_counter()
        lease = await database.claim(opened)
        claims.append((time.perf_counter() - claimed_at) * 1000)
        await database.publish(opened, lease)
    return JOBS_PER_BLOCK / (time.perf_counter() - began)


async def _reads(url: str, opened: Sessions, count: int = 60) -> dict[str, list[float]]:
    """Milliseconds of the position, and of all that `GET /api/status` reads, of random waiting jobs."""
    jobs = await database.ids(url, f"SELECT id FROM jobs WHERE status = 'queued' ORDER BY random() LIMIT {count}")
    direct = Direct(url)
    async with opened.begin() as session:
        owner = (await database.ids(url, f"SELECT owner_id FROM jobs WHERE id = '{jobs[0]}'"))[0]
        login = await login_sessions.create(session, user_id=owner, lifetime_seconds=3600)

    async def position(job_id: UUID) -> None:
        async with opened() as session:
            (row,) = await direct.read(_OWNER, {"id": job_id})
            await positions.queue_positions(session, [row["owner_id"]])

    async def read_status(_: UUID) -> None:
        found = await status.read(direct, jobs[0], user_id=owner, session_id=login.id)
        async with opened() as session:
            if found.job is None or await positions.queue_position(session, found.job) is None:
                raise RuntimeError("the job does not wait")

    times = {"position": await _timed(position, jobs), "status": await _timed(read_status, jobs)}
    await direct.close()
    return times


_OWNER = status.Statement.of("SELECT owner_id FROM jobs WHERE id = CAST(:id AS uuid)")


async def _timed(read: Callable[[UUID], Awaitable[None]], jobs: list[UUID]) -> list[float]:
    times = []
    for job_id in jobs:
        began = time.perf_counter()
        await read(job_id)
        times.append((time.perf_counter() - began) * 1000)
    return times
