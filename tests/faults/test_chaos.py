"""Random chaos: many jobs and many random faults, reproducible by the seed. Finds combinations of faults."""

import asyncio
import os
import random
import secrets
import signal
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

import psutil
import pytest
from _pytest.mark import ParameterSet
from sqlalchemy import text

from pipeline.contract.progress import Stage
from tests.faults.harness import Harness
from tests.faults.system import DISPATCHERS, GATEWAYS, LEASE_SECONDS
from tests.faults.table import Row

JOBS = int(os.environ.get("CHAOS_JOBS", "400"))
FEW_JOBS = 40
SEED = int(os.environ.get("CHAOS_SEED", "0")) or secrets.randbelow(2**31) + 1
# Number of faults of each kind per 400 jobs. The kinds are methods of Chaos.
ALL_FAULTS = {"kill": 30, "stop": 20, "postgres": 6, "reset": 10}
USERS = 12
CLIENTS = 4
PAUSE_SECONDS = 0.2, 1.6
END_SECONDS = 300
PROMISED_SECONDS = 150


class Chaos:
    """Injects faults in an order and into processes that the seed determines, and restarts what has ended."""

    def __init__(self, harness: Harness, faults: Mapping[str, int], jobs: int, seed: int) -> None:
        self.system, self.random = harness.system, random.Random(seed)
        self.faults = [kind for kind, number in faults.items() for _ in range(max(1, number * jobs // 400))]
        self.random.shuffle(self.faults)

    async def run(self) -> None:
        for kind in self.faults:
            inject: Callable[[], Coroutine[Any, Any, None]] = getattr(self, kind)
            await inject()
            self.system.restart_ended()
            await asyncio.sleep(self.random.uniform(*PAUSE_SECONDS))

    async def kill(self) -> None:
        names = [*DISPATCHERS, *GATEWAYS]
        target = self.random.choice([*names, *Stage])
        if target in names:
            self.system.processes[target].kill()
        elif replicas := self.system.replicas(target):
            with suppress(psutil.NoSuchProcess):
                replicas[-1].kill()

    async def stop(self) -> None:
        process = self.system.processes[self.random.choice([*DISPATCHERS, *GATEWAYS])]
        process.send(signal.SIGSTOP)
        await asyncio.sleep(self.random.choice([0.2, 0.5, 1, LEASE_SECONDS + 2]))
        process.send(signal.SIGCONT)

    async def postgres(self) -> None:
        self.system.postgres.kill()
        await asyncio.sleep(self.random.uniform(0, 1))
        # Not in a thread: the server receives a signal when the thread that started it ends.
        self.system.postgres.start()

    async def reset(self) -> None:
        name = self.random.choice([*DISPATCHERS, *GATEWAYS])
        self.system.proxies.reset(self.system.database_proxies[name])


def cases() -> list[ParameterSet]:
    def case(name: str, faults: Mapping[str, int], jobs: int, *, short: bool = False) -> ParameterSet:
        promise = f"100 % end in {PROMISED_SECONDS} s, 0 failed, 0 wrong, 0 duplicated"
        mark = pytest.mark.fault("random chaos", promise, short=short)
        return pytest.param(faults, jobs, marks=mark, id=f"{jobs} jobs, {name}")

    return [
        case("all faults", ALL_FAULTS, FEW_JOBS, short=True),
        case("all faults", ALL_FAULTS, JOBS),
        case("PostgreSQL killed repeatedly", {"postgres": 20}, JOBS),
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("faults", "jobs"), cases())
async def test_random_chaos(harness: Harness, row: Row, faults: Mapping[str, int], jobs: int) -> None:
    row.measured = f"CHAOS_SEED={SEED}"
    chaos = Chaos(harness, faults, jobs, SEED)
    users = [await harness.make_user() for _ in range(USERS)]
    began = time.monotonic()
    async with asyncio.TaskGroup() as both:
        both.create_task(chaos.run())
        submitting = both.create_task(_submit_all(harness, users, jobs))
    harness.system.heal()
    ended = [await harness.wait_for_end(job_id, END_SECONDS) for job_id in submitting.result()]
    states = Counter(job.status for job in ended)
    seconds = time.monotonic() - began
    row.measured = (
        f"CHAOS_SEED={SEED}: {_format_counts(states)} in {seconds:.0f} s; {_format_counts(Counter(chaos.faults))}; "
        f"{sum(job.losses for job in ended)} leases lost, {sum(job.failures for job in ended)} attempts failed"
    )
    async with harness.sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM jobs")) == jobs
    assert states["failed"] == 0, [job.error for job in ended if job.error]
    assert states["canceled"] == len(harness.canceled)
    assert seconds <= PROMISED_SECONDS


def _format_counts(counter: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counter.items()))


async def _submit_all(harness: Harness, users: list[UUID], number_of_jobs: int) -> list[UUID]:
    """Several clients submit at once, and cancel every twentieth job."""
    numbers = iter(range(number_of_jobs))
    jobs: list[UUID] = []

    async def client() -> None:
        for number in numbers:
            user = users[number % USERS]
            jobs.append(await harness.submit("generate sleep 0.05", user=user, duration_seconds=0.5))
            if number % 20 == 0:
                await harness.cancel(jobs[-1], user=user)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return jobs
