"""overhead, cold, previews, memory, encode: jobs of the small models, in the system and as bare stages."""

import asyncio
import json
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from tests.bench.database import REPOSITORY, Server
from tests.bench.ray_system import RaySystem, running
from tests.bench.result import Goal, Result
from tests.peak_memory import PeakMemory

PROMPT: Final = "a red circle moving right on a blue background"
PAIRS: Final = 10
LARGE: Final = {"width": 1024, "height": 1024, "fps": 24, "duration_seconds": 6.0, "num_inference_steps": 20}
SMALL: Final = {"width": 256, "height": 256, "fps": 24, "duration_seconds": 2.0, "num_inference_steps": 4}
AT_MOST: Final = "at most"


class Bare:
    """The process of `bare_stages`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, fields: dict[str, Any], *, previews: bool = True) -> dict[str, float]:
        assert self._process.stdin is not None
        request = fields | {"prompt": PROMPT, "model": "tiny", "seed": 1, "previews": previews}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return dict(json.loads(await self.line()))

    async def line(self) -> bytes:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the bare stages have ended")
        return line


async def measure(server: Server, *, quick: bool) -> list[Result]:
    large, pairs = (SMALL, 2) if quick else (LARGE, PAIRS)
    async with running(server, stages="pipeline.stages") as system, _bare() as bare:
        first = (await system.run(PROMPT, **large)).seconds
        await bare.run(large)
        ours, alone, unseen, shown = [], [], [], []
        for _ in range(pairs):
            job, seconds = await _with_preview(system, large)
            ours.append(job)
            shown.append(seconds)
            alone.append(await bare.run(large))
            unseen.append((await bare.run(large, previews=False))["generate"])
        peaks = [await _peak(system, large | {"duration_seconds": length}) for length in (2.0, 2.0, 6.0)]
    job, bare_job = statistics.median(ours), _median(alone, "seconds")
    return [
        Result("overhead", "seconds of a job ÷ of the same stages in one process", job, bare_job, Goal(1.05, AT_MOST)),
        Result("cold", "seconds of the first job ÷ of the later ones", first, job, Goal(1.2, AT_MOST)),
        Result("preview", "seconds until the first preview ÷ those of the job", statistics.median(shown), job,
               Goal(0.25, AT_MOST)),
        Result("preview", "seconds more of `generate` with previews than without ÷ those of the job",
               _median(alone, "generate") - statistics.median(unseen), bare_job, Goal(0.02, AT_MOST)),
        Result("memory", "peak MB of all Ray processes, 6 s ÷ 2 s of video", peaks[2], peaks[1], Goal(1.15, AT_MOST)),
        Result("encode", "seconds from the last span to the file ÷ of encoding all frames", _median(alone, "assemble"),
               _median(alone, "encode"), Goal(0.15, AT_MOST)),
    ]  # fmt: skip


@asynccontextmanager
async def _bare() -> AsyncIterator[Bare]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.bare_stages", cwd=REPOSITORY,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    bare = Bare(process)
    try:
        await bare.line()
        yield bare
    finally:
        process.kill()
        await process.wait()


async def _with_preview(system: RaySystem, fields: dict[str, Any]) -> tuple[float, float]:
    """The seconds of a job, and those until its first preview."""
    job_id = await system.submit(PROMPT, **fields)
    preview = asyncio.create_task(system.first_preview(job_id))
    (ended,) = await system.ended([job_id])
    return ended.seconds, await preview


async def _peak(system: RaySystem, fields: dict[str, Any]) -> float:
    with PeakMemory(system.head_pid) as peak:
        await system.run(PROMPT, **fields)
    return peak.bytes / 1e6


def _median(rows: list[dict[str, float]], name: str) -> float:
    return statistics.median(row[name] for row in rows)
