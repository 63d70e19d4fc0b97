"""simulate: the model of scale against real runs with sleeping stages."""

from typing import Final

from tests.bench.database import Server
from tests.bench.ray_system import RaySystem, running
from tests.bench.result import Goal, Result
from tests.bench.simulation import STAGES, Fleet, Work, simulate

REPLICAS: Final = (1, 4, 8)
JOBS: Final = 12
# Four spans of 16 frames.
FIELDS: Final = {"duration_seconds": 8.0, "fps": 8}
PROMPT: Final = "generate sleep 1, upscale sleep 1, postprocess sleep 0.05"
# With the measured seconds of a call and of what the sleeping stages compute.
WORK: Final = Work(generate=1.0, interpolate=0.0, upscale=1.0, encode=0.07, assemble=0.1, spans=4, hop=0.015)


async def measure(server: Server, *, quick: bool) -> list[Result]:
    results = []
    for replicas in REPLICAS[:1] if quick else REPLICAS:
        async with running(server, upscale_replicas=replicas, generate_replicas=2, dispatcher_jobs=8) as system:
            await system.run("warm up")
            real = await _seconds(system, 4 if quick else JOBS)
        fleet = Fleet(dict.fromkeys(STAGES, 1) | {"upscale": replicas, "generate": 2}, jobs_at_once=8)
        outcome = simulate(WORK, fleet, per_second=1000, jobs=4 if quick else JOBS)
        results.append(
            Result("simulate", f"seconds of {JOBS} jobs on {replicas} upscalers ÷ as simulated", real,
                   outcome.all_seconds, Goal(0.1, "within"))
        )  # fmt: skip
    return results


async def _seconds(system: RaySystem, count: int) -> float:
    """From the submission of all jobs to the end of the last."""
    ids = [await system.submit(PROMPT, owner=number % len(system.owners), **FIELDS) for number in range(count)]
    ended = await system.ended(ids)
    return (ended[-1].finished_at - ended[0].created_at).total_seconds()
