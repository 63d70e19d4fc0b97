"""Random chaos: many jobs, many kills and stops, seed given. What a fault of its own does not find, this may."""

import asyncio
import os
import random
import secrets
import signal
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from uuid import UUID

import psutil
import pytest
from _pytest.mark import ParameterSet
from sqlalchemy import text

from pipeline.spec import Stage
from tests.faults.conftest import Row
from tests.faults.system import DISPATCHERS, GATEWAYS, LEASE_SECONDS
from tests.faults.world import World

JOBS = int(os.environ.get("CHAOS_JOBS", "400"))
FEW = 40
SEED = int(os.environ.get("CHAOS_SEED", "0")) or secrets.randbelow(2**31) + 1
EVERYTHING = {"kill": 30, "stop": 20, "postgres": 6, "cut": 10}
USERS = 12
PAUSES = 0.2, 1.6
END_SECONDS = 300
WHOLE_SECONDS = 150


class Chaos:
    """Does so many deeds of each kind, in an order and to victims drawn by the seed, and revives what it has killed."""

    def __init__(self, world: World, deeds: Mapping[str, int], jobs: int, seed: int) -> None:
        self.world, self.random = world, random.Random(seed)
        self.deeds = [kind for kind, number in deeds.items() for _ in range(max(1, number * jobs // 400))]
        self.random.shuffle(self.deeds)

    async def rage(self) -> None:
        for kind in self.deeds:
            deed: Callable[[], Coroutine[Any, Any, None]] = getattr(self, kind)
            await deed()
            self.world.system.revive()
            await asyncio.sleep(self.random.uniform(*PAUSES))

    async def kill(self) -> None:
        names = [*DISPATCHERS, *GATEWAYS]
        what = self.random.choice([*names, *Stage])
        if what in names:
            self.world.system.processes[what].kill()
        elif living := self.world.system.living(what):
            _kill(living[-1])

    async def stop(self) -> None:
        process = self.world.system.processes[self.random.choice([*DISPATCHERS, *GATEWAYS])]
        process.send(signal.SIGSTOP)
        await asyncio.sleep(self.random.choice([0.2, 0.5, 1, LEASE_SECONDS + 2]))
        process.send(signal.SIGCONT)

    async def postgres(self) -> None:
        self.world.system.postgres.kill()
        await asyncio.sleep(self.random.uniform(0, 1))
        self.world.system.postgres.start()  # not in a thread: it would end with the thread that started it

    async def cut(self) -> None:
        name = self.random.choice([*DISPATCHERS, *GATEWAYS])
        self.world.system.proxies.cut(self.world.system.database[name])


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def cases() -> list[ParameterSet]:
    def case(name: str, deeds: Mapping[str, int], jobs: int, *, short: bool = False) -> ParameterSet:
        promise = f"100 % end in {WHOLE_SECONDS} s, 0 failed, 0 wrong, 0 doubled"
        mark = pytest.mark.fault("random chaos", promise, short=short)
        return pytest.param(deeds, jobs, marks=mark, id=f"{jobs} jobs, {name}")

    return [
        case("everything", EVERYTHING, FEW, short=True),
        case("everything", EVERYTHING, JOBS),
        case("PostgreSQL killed again and again", {"postgres": 20}, JOBS),
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("deeds", "jobs"), cases())
async def test_random_chaos(world: World, row: Row, deeds: Mapping[str, int], jobs: int) -> None:
    row.measured = f"CHAOS_SEED={SEED}"
    chaos = Chaos(world, deeds, jobs, SEED)
    users = [await world.make_user() for _ in range(USERS)]
    began = time.monotonic()
    async with asyncio.TaskGroup() as both:
        both.create_task(chaos.rage())
        submitting = both.create_task(_submit_all(world, users, jobs))
    world.system.heal()
    ended = [await world.ended(job_id, END_SECONDS) for job_id in submitting.result()]
    states = Counter(job.status for job in ended)
    seconds = time.monotonic() - began
    row.measured = (
        f"CHAOS_SEED={SEED}: {_counts(states)} in {seconds:.0f} s; {_counts(Counter(chaos.deeds))}; "
        f"{sum(job.losses for job in ended)} leases lost, {sum(job.failures for job in ended)} attempts failed"
    )
    async with world.sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM jobs")) == jobs
    assert states["failed"] == 0, [job.error for job in ended if job.error]
    assert states["canceled"] == len(world.canceled)
    assert seconds <= WHOLE_SECONDS


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(counter.items()))


async def _submit_all(world: World, users: list[UUID], number_of_jobs: int) -> list[UUID]:
    """Four clients at once; now and then one changes its mind."""
    turns = iter(range(number_of_jobs))
    jobs: list[UUID] = []

    async def client() -> None:
        for number in turns:
            user = users[number % USERS]
            jobs.append(await world.submit("generate sleep 0.05", user=user, duration_seconds=0.5))
            if number % 20 == 0:
                await world.cancel(jobs[-1], user=user)

    await asyncio.gather(*(client() for _ in range(4)))
    return jobs
