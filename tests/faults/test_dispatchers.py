"""Dispatchers that die, freeze, or are asked to end: the job goes on, and is published once."""

import signal
import sys
import time
from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

from tests.faults.conftest import Row
from tests.faults.process import Process
from tests.faults.system import DISPATCHERS, LEASE_SECONDS, PRODUCTION
from tests.faults.world import World

FAILPOINTS = ("after-claim", "after-generate", "before-publish", "in-publish", "after-publish", "before-fail")
OUTCOMES = {"after-publish": ["succeeded"], "before-fail": ["lost", "failed", "succeeded"]}
FENCED = "fenced, own objects removed, published once"
TELLING = ("after-generate", "in-publish", "after-publish")
GOES_ON_SECONDS = LEASE_SECONDS + 10  # the lease, a rescue, a pause of two seconds at most, and the work


def prompt_for(failpoint: str) -> str:
    return "generate oom" if failpoint == "before-fail" else ""


def cases() -> list[ParameterSet]:
    short = [pytest.param(name, marks=kill(short=True)) for name in TELLING]
    return short + [pytest.param(name, marks=kill(short=False)) for name in FAILPOINTS if name not in TELLING]


def kill(*, short: bool) -> pytest.MarkDecorator:
    return pytest.mark.fault("dispatcher killed", "job goes on, published once", short=short)


@pytest.mark.parametrize("failpoint", cases())
async def test_a_dispatcher_is_killed_and_the_job_goes_on(world: World, row: Row, failpoint: str) -> None:
    world.hold(failpoint)
    job_id = await world.submit(prompt_for(failpoint))
    victim = world.process(await world.reached(failpoint))
    victim.kill()
    began = time.monotonic()
    world.release(failpoint)
    await world.succeeded(job_id, seconds=GOES_ON_SECONDS)
    row.measured = f"went on to its end in {time.monotonic() - began:.1f} s (lease {LEASE_SECONDS:.0f} s)"
    assert await world.outcomes(job_id) == OUTCOMES.get(failpoint, ["lost", "succeeded"])


def zombies() -> list[ParameterSet]:
    def case(failpoint: str, *, together: bool, short: bool = False) -> ParameterSet:
        mark = pytest.mark.fault("dispatcher stopped beyond its lease, then continued", FENCED, short=short)
        order = "while the other is there" if together else "when the other has published"
        return pytest.param(failpoint, together, marks=mark, id=f"{failpoint}, {order}")

    alone = [case(name, together=False, short=name == "before-publish") for name in FAILPOINTS]
    again = [
        name for name in FAILPOINTS if name not in ("after-generate", "after-publish")
    ]  # where the other comes, too
    return alone + [case(name, together=True) for name in again]


@pytest.mark.parametrize(("failpoint", "together"), zombies())
async def test_a_zombie_is_fenced(world: World, row: Row, failpoint: str, together: bool) -> None:
    world.hold(failpoint)
    job_id = await world.submit(prompt_for(failpoint))
    victim = world.process(await world.reached(failpoint))
    victim.send(signal.SIGSTOP)
    stored = await world.objects(job_id)
    if together:
        while await world.reached(failpoint) == victim.pid:
            pass
        victim.send(signal.SIGCONT)
        world.release(failpoint)
        await world.succeeded(job_id, seconds=GOES_ON_SECONDS)
    else:
        world.release(failpoint)
        await world.succeeded(job_id, seconds=GOES_ON_SECONDS)
        victim.send(signal.SIGCONT)
    if failpoint not in ("after-publish", "before-fail"):  # what it writes at these two ends it, held or not
        await world.eventually(world.said(victim, '"why": "fenced"', job_id), 20, "it has stopped")
    await world.succeeded(*[await world.submit() for _ in range(4)])
    assert victim.alive
    assert await world.outcomes(job_id) == OUTCOMES.get(failpoint, ["lost", "succeeded"])
    if failpoint == "after-publish":
        row.measured = "published once, in its first attempt"
        return
    await world.eventually(world.nothing_of(job_id), 5, f"it has left nothing: {stored}")
    row.measured = f"its {len(stored)} objects removed" if stored else "it had stored nothing, and did not"


@pytest.fixture
def production(world: World) -> Iterator[None]:
    """Both dispatchers with the leases of production; the short ones come back at the end."""
    system = world.system
    short = {name: system.processes[name] for name in DISPATCHERS}
    for name, process in short.items():
        process.terminate(30)
        values = {key: str(value) for key, value in PRODUCTION.items()}
        command = [sys.executable, "-m", "pipeline.dispatch"]
        system.processes[name] = Process(name, command, system.environment(name) | values, system.path / "logs")
        system.processes[name].start()
    system.wait_until_ready(DISPATCHERS)
    yield
    for name, process in short.items():
        system.processes[name].terminate(30)
        system.processes[name] = process
        process.start()


@pytest.mark.fault("dispatcher killed, leases as in production (30 s)", "job goes on within 40 s")
async def test_a_dispatcher_is_killed_in_production(world: World, row: Row, production: None) -> None:
    job_id = await world.submit("generate sleep 5")
    victim = world.owner(await world.in_stage(job_id, "generate"))
    victim.kill()
    began = time.monotonic()
    await world.until(job_id, lambda job: job.status == "running" and job.attempt == 2, 60, "it goes on")
    seconds = time.monotonic() - began
    row.measured = f"went on after {seconds:.1f} s"
    assert seconds <= 40
    await world.succeeded(job_id)
