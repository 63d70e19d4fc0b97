"""fan-out: one long video whose spans are upscaled on more and more replicas."""

from typing import Final

from tests.bench.database import Server
from tests.bench.ray_system import RaySystem, running
from tests.bench.result import Goal, Result

REPLICAS: Final = (4, 8)
SPAN_SECONDS: Final = 0.5
SPANS: Final = 64
PROMPT: Final = f"upscale sleep {SPAN_SECONDS}"
# 1020 frames, 16 a span.
FIELDS: Final = {"duration_seconds": 20.0, "fps": 51}


async def measure(server: Server, *, quick: bool) -> list[Result]:
    results = []
    for replicas in REPLICAS[:1] if quick else REPLICAS:
        async with running(server, upscale_replicas=replicas) as system:
            await system.run("warm up")
            speed_up = SPANS * SPAN_SECONDS / await _seconds(system)
        what = f"speed-up of the spans on {replicas} upscalers ÷ {replicas}"
        results.append(Result("fan-out", what, speed_up, replicas, Goal(0.9, "at least")))
    return results


async def _seconds(system: RaySystem) -> float:
    """From the first span's start in the upscaler to the last one's end: one replica would take the sum."""
    await system.run(PROMPT, **FIELDS)
    calls = [call for call in system.calls("upscale") if call.prompt == PROMPT]
    if len(calls) != SPANS:
        raise RuntimeError(f"{len(calls)} spans were upscaled, not {SPANS}")
    return max(call.ended for call in calls) - min(call.began for call in calls)
