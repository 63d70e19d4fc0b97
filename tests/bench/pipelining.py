"""pipelining: jobs per second times the seconds of the slowest stage, with sleeping stages."""

from typing import Final

from tests.bench.database import Server
from tests.bench.ray_system import RaySystem, running
from tests.bench.result import Goal, Result

JOBS: Final = 20
CASES: Final = {
    "generate of 1 s": "generate sleep 1",
    "generate and upscale of 0.5 s each": "generate sleep 0.5, upscale sleep 0.5",
}
SLOWEST: Final = {"generate of 1 s": 1.0, "generate and upscale of 0.5 s each": 0.5}


async def measure(server: Server, *, quick: bool) -> list[Result]:
    async with running(server) as system:
        await system.run("warm up")
        return [
            Result("pipelining", f"jobs/s, {name}, ÷ 1/s of the slowest stage", await _rate(system, prompt, quick),
                   1 / SLOWEST[name], Goal(0.95, "at least"))
            for name, prompt in CASES.items()
        ]  # fmt: skip


async def _rate(system: RaySystem, prompt: str, quick: bool) -> float:
    """Jobs per second from the end of the first to the end of the last."""
    count = 6 if quick else JOBS
    ids = [await system.submit(prompt, owner=number % len(system.owners)) for number in range(count)]
    ended = await system.ended(ids)
    return (count - 1) / (ended[-1].finished_at - ended[0].finished_at).total_seconds()
