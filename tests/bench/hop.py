"""hop: a clip between two stages, by its size; and what copying takes of a job."""

import statistics
from typing import Final

from tests.bench.database import Server
from tests.bench.ray_system import RaySystem, running
from tests.bench.result import Goal, Result

JOBS: Final = 10
# 16 frames, one span: 3 kB, and 12.6 MB.
SMALL, LARGE = 8, 512
FIELDS: Final = {"duration_seconds": 1.0, "fps": 16}


async def measure(server: Server, *, quick: bool) -> list[Result]:
    async with running(server) as system:
        await system.run("warm up")
        small, large = [await _milliseconds(system, side, 3 if quick else JOBS) for side in (SMALL, LARGE)]
    what = "ms of a 12.6 MB clip from interpolate to upscale ÷ of 3 kB"
    return [Result("hop", what, large, small, Goal(4, "at most"))]


async def _milliseconds(system: RaySystem, side: int, count: int) -> float:
    """From the end of `interpolate` to the start of `upscale`, through the dispatcher, which holds no frame."""
    gaps = []
    for number in range(count):
        prompt = f"side {side}, upscale as-is, job {number}"
        await system.run(prompt, **FIELDS)
        calls = {call.stage: call for call in system.calls() if call.prompt == prompt}
        gaps.append((calls["upscale"].began - calls["interpolate"].ended) * 1000)
    return statistics.median(gaps)
