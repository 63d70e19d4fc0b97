"""Random chaos: many jobs, many kills and stops, seed printed. What a fault of its own does not find, this may."""

import asyncio
import os
import random
import secrets
import signal
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import psutil
import pytest

from pipeline.spec import Stage
from tests.faults.conftest import Row
from tests.faults.system import DISPATCHERS, GATEWAYS, LEASE_SECONDS
from tests.faults.world import World

JOBS = int(os.environ.get("CHAOS_JOBS", "400"))
SEED = int(os.environ.get("CHAOS_SEED", "0")) or secrets.randbelow(2**31) + 1
LEAST = {"kill": 30, "stop": 20, "postgres": 6}
USERS = 12
SECONDS = 150
PAUSE = 1.6


class Chaos:
    """Does one random thing after another until told to end, and revives what it has killed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, random.Random(seed)
        self.done: Counter[str] = Counter()

    async def rage(self) -> None:
        deeds = ["kill"] * 30 + ["stop"] * 20 + ["postgres"] * 6 + ["cut"] * 10
        while True:
            kind = self._lacking() or self.random.choice(deeds)
            deed: Callable[[], Coroutine[Any, Any, None]] = getattr(self, kind)
            await deed()
            self.done[kind] += 1
            self.world.system.revive()
            await asyncio.sleep(self.random.uniform(0.2, PAUSE))

    def _lacking(self) -> str | None:
        """Now and then what has come too seldom, so that every run holds enough of everything."""
        short = [kind for kind, least in LEAST.items() if self.done[kind] < least]
        return self.random.choice(short) if short and self.random.random() < 0.5 else None

    async def kill(self) -> None:
        names = [*DISPATCHERS, *GATEWAYS]
        what = self.random.choice([*names, *Stage])
        if what in names:
            self.world.system.processes[what].kill()
        elif living := self.world.system.living(what):
            _signal(living[-1], signal.SIGKILL)

    async def stop(self) -> None:
        process = self.world.system.processes[self.random.choice([*DISPATCHERS, *GATEWAYS])]
        process.send(signal.SIGSTOP)
        await asyncio.sleep(self.random.choice([0.2, 0.5, 1, LEASE_SECONDS + 2]))
        process.send(signal.SIGCONT)

    async def postgres(self) -> None:
        self.world.system.postgres.kill()
        await asyncio.sleep(self.random.uniform(0, 1))
        await asyncio.to_thread(self.world.system.postgres.start)

    async def cut(self) -> None:
        name = self.random.choice([*DISPATCHERS, *GATEWAYS])
        self.world.system.proxies.cut(self.world.system.database[name])


def _signal(process: psutil.Process, what: signal.Signals) -> None:
    try:
        process.send_signal(what)
    except psutil.NoSuchProcess:
        return


@pytest.mark.timeout(600)
@pytest.mark.fault(f"random chaos over {JOBS} jobs", f"100 % end, 0 wrong, 0 published twice, within {SECONDS} s")
async def test_random_chaos(world: World, row: Row) -> None:
    print(f"chaos: CHAOS_SEED={SEED}")
    chaos = Chaos(world, SEED)
    users = [await world.make_user() for _ in range(USERS)]
    began = time.monotonic()
    raging = asyncio.create_task(chaos.rage())
    try:
        jobs = await _submit_all(world, users)
        canceled = [await world.cancel(jobs[n], user=users[n % USERS]) for n in range(0, len(jobs), 20)]
        while not raging.done() and any(chaos.done[kind] < least for kind, least in LEAST.items()):
            await asyncio.sleep(0.5)
    finally:
        raging.cancel()
        await asyncio.gather(raging, return_exceptions=True)
    world.system.heal()
    ended = [await world.ended(job_id, 300) for job_id in jobs]
    seconds = time.monotonic() - began
    states = Counter(job.status for job in ended)
    row.measured = (
        f"seed {SEED}: {dict(states)} in {seconds:.0f} s; {dict(chaos.done)}; "
        f"{sum(job.losses for job in ended)} losses, {sum(job.failures for job in ended)} failures"
    )
    assert states["failed"] == 0, [job.error for job in ended if job.error]
    assert states["canceled"] <= len(canceled)


async def _submit_all(world: World, users: list[UUID]) -> list[UUID]:
    """From all users at once, spread over the time that the chaos takes."""

    async def one(number: int) -> UUID:
        prompt = "generate sleep 0.05" if number % 3 else ""
        return await world.submit(prompt, user=users[number % USERS], duration_seconds=0.5)

    jobs: list[UUID] = []
    for start in range(0, JOBS, 4):
        jobs += await asyncio.gather(*(one(n) for n in range(start, min(JOBS, start + 4))))
    return jobs
