"""crash: what a killed replica costs a job, in the seconds of its stage and of the restart of the replica."""

import asyncio
import os
import signal
import statistics
import time
from typing import Final

import psutil

from tests.bench.database import Server
from tests.bench.ray_system import RaySystem, running, until
from tests.bench.result import Goal, Result

SPAN_SECONDS: Final = 2.0
# Four spans.
FIELDS: Final = {"duration_seconds": 8.0, "fps": 8}
PROMPT: Final = f"upscale sleep {SPAN_SECONDS}"
JOBS: Final = 10


async def measure(server: Server, *, quick: bool) -> list[Result]:
    async with running(server) as system:
        await system.run("warm up")
        undisturbed = statistics.median([(await system.run(PROMPT, **FIELDS)).seconds for _ in range(2)])
        ratios, extras, bounds = [], [], []
        for number in range(2 if quick else JOBS):
            total, restart = await _with_a_kill(system, f"{PROMPT}, job {number}")
            extras.append(total - undisturbed)
            bounds.append(SPAN_SECONDS + restart)
            ratios.append(extras[-1] / bounds[-1])
    what = "extra seconds of a job whose upscaler is killed ÷ one span + the restart of the replica"
    return [Result("crash", what, statistics.median(extras), statistics.median(bounds), Goal(1.5, "at most"))]


async def _with_a_kill(system: RaySystem, prompt: str) -> tuple[float, float]:
    """The seconds of a job whose upscaler is killed in the middle of its second span, and those of the restart."""
    job_id = await system.submit(prompt, **FIELDS)
    await until(lambda: any(call.prompt == prompt for call in system.calls("upscale")))
    await asyncio.sleep(SPAN_SECONDS / 2)
    (pid,) = _alive(system)
    killed = time.time()
    os.kill(pid, signal.SIGKILL)
    await until(lambda: [other for other in _alive(system) if other != pid])
    restart = time.time() - killed
    (ended,) = await system.ended([job_id])
    return ended.seconds, restart


def _alive(system: RaySystem) -> list[int]:
    return [
        pid for pid in system.replica_pids("upscale")
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]  # fmt: skip
