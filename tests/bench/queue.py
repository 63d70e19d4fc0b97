"""queue: claim and complete of jobs per second, against procrastinate on the same PostgreSQL.

procrastinate has neither fences nor fair turns. Both run four workers in one process, through their own Python
functions, on a durable server with 100,000 queued jobs; ours are of 500 users. The second row compares the
statements alone, sent by the same driver.
"""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import procrastinate
from procrastinate.jobs import Status

from db.direct import Direct, Statement
from db.jobs import transitions
from db.settings import plain_url
from tests.bench import database
from tests.bench.database import Server
from tests.bench.result import Goal, Result

WORKERS, JOBS_PER_BLOCK, BLOCKS = 4, 100, 10
_FETCH: Final = Statement.of("SELECT id FROM procrastinate_fetch_job_v2(NULL::varchar[], CAST(:worker AS bigint))")
_FINISH: Final = Statement.of("SELECT procrastinate_finish_job_v1(CAST(:id AS bigint), 'succeeded', false)")
_CLAIM, _PUBLISH = Statement.of(transitions.CLAIM), Statement.of(transitions.PUBLISH)
Step = Callable[[], Awaitable[None]]


async def measure(server: Server, *, quick: bool) -> list[Result]:
    ours, theirs = await server.database(), await server.database()
    await database.seed(ours, users=500, jobs_per_user=20 if quick else 200)
    async with _our_steps(ours) as (step, statements), _their_steps(theirs, quick) as (their_step, their_statements):
        rows = [("functions", step, their_step), ("statements", statements, their_statements)]
        return [await _compare(what, mine, other, blocks=3 if quick else BLOCKS) for what, mine, other in rows]


async def _compare(what: str, ours: Step, theirs: Step, blocks: int) -> Result:
    rates: dict[Step, list[float]] = {ours: [], theirs: []}
    for _ in range(blocks + 1):
        for step, measured in rates.items():
            measured.append(await _per_second(step))
    mine, other = (statistics.median(measured[1:]) for measured in rates.values())
    return Result(
        "queue", f"claim + complete per second ({what}), ours ÷ procrastinate", mine, other, Goal(1, "at least")
    )


async def _per_second(step: Step) -> float:
    async def work() -> None:
        for _ in range(JOBS_PER_BLOCK // WORKERS):
            await step()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(WORKERS)))
    return JOBS_PER_BLOCK / (time.perf_counter() - began)


@asynccontextmanager
async def _our_steps(url: str) -> AsyncIterator[tuple[Step, Step]]:
    direct = Direct(url, size=WORKERS)
    async with database.sessions(url) as opened:

        async def functions() -> None:
            await database.publish(opened, await database.claim(opened))

        async def statements() -> None:
            values = {"owner": "w", "running_per_user": 100, "lease_seconds": 30.0, "unless_due": True}
            (row,) = await direct.write(_CLAIM, values)
            held = {"job_id": row["id"], "attempt": row["attempt"], "owner": "w"}
            made = {"resolved": "{}", "warnings": "[]", "artifacts": "[]", "video": json.dumps(database.VIDEO)}
            if not await direct.write(_PUBLISH, held | made):
                raise RuntimeError("fenced")

        yield functions, statements
    await direct.close()


@asynccontextmanager
async def _their_steps(url: str, quick: bool) -> AsyncIterator[tuple[Step, Step]]:
    connector = procrastinate.PsycopgConnector(conninfo=plain_url(url), min_size=WORKERS, max_size=WORKERS)
    app = procrastinate.App(connector=connector)
    direct = Direct(url, size=WORKERS)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        connection = await asyncpg.connect(plain_url(url))
        await connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) "
            f"SELECT 'q', 't', '{{}}' FROM generate_series(1, {10_000 if quick else 100_000})"
        )
        await connection.execute("VACUUM ANALYZE")
        await connection.close()
        worker = await app.job_manager.register_worker()

        async def functions() -> None:
            job = await app.job_manager.fetch_job(queues=None, worker_id=worker)
            if job is None:
                raise RuntimeError("no job is waiting")
            await app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=False)

        async def statements() -> None:
            (row,) = await direct.write(_FETCH, {"worker": worker})
            await direct.write(_FINISH, {"id": row["id"]})

        yield functions, statements
    await direct.close()
