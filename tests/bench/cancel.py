"""cancel: from the request until `generate` is idle, in steps of the model."""

import asyncio
import random
import statistics
import time
from typing import Final
from uuid import UUID

from db.jobs import queries as jobs
from tests.bench.database import Server
from tests.bench.ray_system import RaySystem, running, until
from tests.bench.result import Goal, Result

STEP_SECONDS: Final = 0.5
STEPS: Final = 20
JOBS: Final = 10


async def measure(server: Server, *, quick: bool) -> list[Result]:
    async with running(server) as system:
        await system.run("warm up")
        waited = [await _cancel(system, number) for number in range(3 if quick else JOBS)]
    what = "seconds from the cancel request to the idle stage ÷ one step"
    return [Result("cancel", what, statistics.median(waited), STEP_SECONDS, Goal(1.5, "at most"))]


async def _cancel(system: RaySystem, number: int) -> float:
    """Cancel a job at a random moment of its steps."""
    prompt = f"generate step {STEP_SECONDS}, job {number}"
    job_id = await system.submit(prompt, num_inference_steps=STEPS)
    await _first_step(system, job_id)
    await asyncio.sleep(random.uniform(0, STEP_SECONDS))
    requested = time.time()
    async with system.sessions.begin() as session:
        await jobs.request_cancel(session, job_id, owner_id=system.owners[0])
    await system.ended([job_id])
    calls = await until(lambda: [call for call in system.calls("generate") if call.prompt == prompt])
    return calls[-1].ended - requested


async def _first_step(system: RaySystem, job_id: UUID) -> None:
    async with asyncio.timeout(30):
        while True:
            async with system.sessions() as session:
                job = await jobs.get(session, job_id, owner_id=system.owners[0])
            if job and job.progress.get("step"):
                return
            await asyncio.sleep(0.05)
