"""fan-out: one long video whose spans are upscaled on more and more replicas."""

from typing import Final

from tests.bench.database import Server
from tests.bench.ray_system import RaySystem, running
from tests.bench.result import Goal, Result

REPLICAS: Final = (4, 8)
SPAN_SECONDS: Final = 0.5
# 1020 frames, 16 a span; in the short form 320.
SPANS, QUICK_SPANS = 64, 20
PROMPT: Final = f"upscale sleep {SPAN_SECONDS}"
FIELDS: Final = {"duration_seconds": 20.0, "fps": 51}
QUICK_FIELDS: Final = {"duration_seconds": 20.0, "fps": 16}


async def measure(server: Server, *, quick: bool) -> list[Result]:
    results = []
    spans, fields = (QUICK_SPANS, QUICK_FIELDS) if quick else (SPANS, FIELDS)
    for replicas in REPLICAS[:1] if quick else REPLICAS:
        async with running(server, upscale_replicas=replicas) as system:
            await system.run("warm up")
            speed_up = spans * SPAN_SECONDS / await _seconds(system, spans, fields)
        what = f"speed-up of the spans on {replicas} upscalers ÷ {replicas}"
        results.append(Result("fan-out", what, speed_up, replicas, Goal(0.9, "at least")))
    return results


async def _seconds(system: RaySystem, spans: int, fields: dict[str, float]) -> float:
    """From the first span's start in the upscaler to the last one's end: one replica would take the sum."""
    await system.run(PROMPT, **fields)
    calls = [call for call in system.calls("upscale") if call.prompt == PROMPT]
    if len(calls) != spans:
        raise RuntimeError(f"{len(calls)} spans were upscaled, not {spans}")
    return max(call.ended for call in calls) - min(call.began for call in calls)
