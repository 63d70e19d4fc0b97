"""Milliseconds of calls of a stage that does nothing, one line each: `python -m tests.bench.handle_calls NUMBER`."""

import asyncio
import sys
import time
from typing import Any, Final

from pipeline.contract.spec import Spec
from pipeline.settings import PipelineSettings, prepare_ray

WARM_UP: Final = 5


async def measure(calls: int) -> None:
    from pipeline.cluster.applications import get_handles  # not earlier: Ray reads its environment when it is imported
    from pipeline.cluster.client import RayCluster
    from pipeline.cluster.stages import RayStages

    settings = PipelineSettings()
    if await RayCluster.join(settings, asyncio.Event()) is None:
        raise RuntimeError("no cluster")
    stages = RayStages(get_handles(), prefix="", window=1, silence_seconds=60, keep=_unused, find_source=_unused)
    spec = Spec(prompt="nothing", width=64, height=64, fps=8, duration_seconds=1.0)
    for number in range(WARM_UP + calls):
        began = time.perf_counter()
        await stages.preprocess(spec)
        if number >= WARM_UP:
            sys.stdout.write(f"{(time.perf_counter() - began) * 1000}\n")


async def _unused(_: Any) -> Any:
    raise AssertionError("preprocess keeps no clip, and this request names no frame of a video")


if __name__ == "__main__":
    prepare_ray()
    asyncio.run(measure(int(sys.argv[1])))
