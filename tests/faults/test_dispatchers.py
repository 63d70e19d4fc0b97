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
    expected = {"after-publish": ["succeeded"], "before-fail": ["lost", "failed", "succeeded"]}
    assert await world.outcomes(job_id) == expected.get(failpoint, ["lost", "succeeded"])


@pytest.mark.fault("dispatcher stopped beyond its lease, then continued", "fenced, own objects removed", short=True)
@pytest.mark.parametrize("failpoint", ["before-publish"])
async def test_a_zombie_is_fenced(world: World, row: Row, failpoint: str) -> None:
    world.hold(failpoint)
    job_id = await world.submit()
    victim = world.process(await world.reached(failpoint))
    victim.send(signal.SIGSTOP)
    world.release(failpoint)
    await world.succeeded(job_id, seconds=GOES_ON_SECONDS)
    victim.send(signal.SIGCONT)
    await world.eventually(world.nothing_under(f"jobs/{job_id}/1/video"), 10, "its objects are gone")
    assert victim.alive
    assert await world.outcomes(job_id) == ["lost", "succeeded"]
    row.measured = "its objects were gone when it had woken up"


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
