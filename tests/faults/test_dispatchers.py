"""Dispatchers are killed or suspended: the job continues and is published once."""

import signal
import sys
import time
from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

from tests.faults.harness import Harness
from tests.faults.process import Process
from tests.faults.system import DEFAULT_INTERVALS, DISPATCHERS, LEASE_SECONDS
from tests.faults.table import Row

FAILPOINTS = ("after-claim", "after-generate", "before-publish", "in-publish", "after-publish", "before-fail")
SHORT_FAILPOINTS = ("after-generate", "in-publish", "after-publish")
# The outcomes of the attempts, where they are not lost and succeeded.
OUTCOMES = {"after-publish": ["succeeded"], "before-fail": ["lost", "failed", "succeeded"]}
FENCED = "fenced, own objects deleted, published once"
# The lease, a rescue, a pause of two seconds at most, and the rendering.
CONTINUES_SECONDS = LEASE_SECONDS + 10
CLAIMED_SECONDS = 40


def prompt_for(failpoint: str) -> str:
    return "generate oom" if failpoint == "before-fail" else ""


def kills() -> list[ParameterSet]:
    def case(failpoint: str, *, short: bool) -> ParameterSet:
        mark = pytest.mark.fault("dispatcher killed", "job continues, published once", short=short)
        return pytest.param(failpoint, marks=mark)

    others = [name for name in FAILPOINTS if name not in SHORT_FAILPOINTS]
    return [case(name, short=True) for name in SHORT_FAILPOINTS] + [case(name, short=False) for name in others]


@pytest.mark.parametrize("failpoint", kills())
async def test_a_dispatcher_is_killed_and_the_job_continues(harness: Harness, row: Row, failpoint: str) -> None:
    harness.hold(failpoint)
    job_id = await harness.submit(prompt_for(failpoint))
    (await harness.wait_for_arrival(failpoint)).kill()
    began = time.monotonic()
    harness.release(failpoint)
    await harness.wait_for_success(job_id, seconds=CONTINUES_SECONDS)
    row.measured = f"done after {time.monotonic() - began:.1f} s (lease {LEASE_SECONDS:.0f} s)"
    assert await harness.outcomes(job_id) == OUTCOMES.get(failpoint, ["lost", "succeeded"])


def suspensions() -> list[ParameterSet]:
    def case(failpoint: str, *, overlap: bool, short: bool = False) -> ParameterSet:
        mark = pytest.mark.fault("dispatcher suspended beyond its lease, then resumed", FENCED, short=short)
        moment = "while the other is there" if overlap else "after the other has published"
        return pytest.param(failpoint, overlap, marks=mark, id=f"{failpoint}, {moment}")

    # The second dispatcher does not reach these two failpoints.
    single = ("after-generate", "after-publish")
    return [case(name, overlap=False, short=name == "before-publish") for name in FAILPOINTS] + [
        case(name, overlap=True) for name in FAILPOINTS if name not in single
    ]


@pytest.mark.parametrize(("failpoint", "overlap"), suspensions())
async def test_a_resumed_dispatcher_is_fenced(harness: Harness, row: Row, failpoint: str, overlap: bool) -> None:
    harness.hold(failpoint)
    job_id = await harness.submit(prompt_for(failpoint))
    suspended = await harness.wait_for_arrival(failpoint)
    suspended.send(signal.SIGSTOP)
    stored = await harness.objects(job_id)
    if overlap:
        while await harness.wait_for_arrival(failpoint) is suspended:
            pass
        suspended.send(signal.SIGCONT)
        harness.release(failpoint)
        await harness.wait_for_success(job_id, seconds=CONTINUES_SECONDS)
    else:
        harness.release(failpoint)
        await harness.wait_for_success(job_id, seconds=CONTINUES_SECONDS)
        suspended.send(signal.SIGCONT)
    if failpoint not in ("after-publish", "before-fail"):  # at these two the next write ends the attempt
        await harness.wait_until(harness.has_logged(suspended, '"reason": "fenced"', job_id), 20, "it is fenced")
    await harness.wait_for_success(*[await harness.submit() for _ in range(4)])
    assert suspended.is_alive
    assert await harness.outcomes(job_id) == OUTCOMES.get(failpoint, ["lost", "succeeded"])
    if failpoint == "after-publish":
        row.measured = "published once, in attempt 1"
        return
    await harness.wait_until(harness.has_no_objects(job_id), 5, f"its objects are deleted: {stored}")
    row.measured = f"its {len(stored)} objects deleted" if stored else "it stored no objects"


@pytest.fixture
def default_intervals(harness: Harness) -> Iterator[None]:
    """Both dispatchers with the default lease and heartbeat. Afterwards they have the short ones again."""
    system = harness.system
    short = {name: system.processes[name] for name in DISPATCHERS}
    for name, process in short.items():
        process.terminate(30)
        environment = system.environment(name) | {key: str(value) for key, value in DEFAULT_INTERVALS.items()}
        command = [sys.executable, "-m", "pipeline.dispatch"]
        system.processes[name] = Process(name, command, environment, system.path / "logs")
        system.processes[name].start()
    system.wait_until_ready(DISPATCHERS)
    yield
    for name, process in short.items():
        system.processes[name].terminate(30)
        system.processes[name] = process
        process.start()


@pytest.mark.fault(
    "dispatcher killed, default lease (30 s)", f"another dispatcher claims the job within {CLAIMED_SECONDS} s"
)
async def test_a_dispatcher_with_the_default_lease_is_killed(
    harness: Harness, row: Row, default_intervals: None
) -> None:
    job_id = await harness.submit("generate sleep 5")
    harness.lease_owner(await harness.wait_for_stage(job_id, "generate")).kill()
    began = time.monotonic()
    await harness.wait_for(job_id, lambda job: job.status == "running" and job.attempt == 2, 60, "a second claim")
    seconds = time.monotonic() - began
    row.measured = f"claimed after {seconds:.1f} s"
    assert seconds <= CLAIMED_SECONDS
    await harness.wait_for_success(job_id)
