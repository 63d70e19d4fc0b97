"""Replicas, the Serve controller and the Ray head die or hang: the job is done, and other jobs are unaffected."""

import asyncio
import signal
import time

import pytest
from _pytest.mark import ParameterSet

from pipeline.contract.progress import Stage
from tests.faults.harness import Harness
from tests.faults.system import DISPATCHERS, SILENCE_SECONDS
from tests.faults.table import Row

# The stages that process spans. Their calls are retried within the attempt.
SPAN_STAGES = (Stage.INTERPOLATE, Stage.UPSCALE, Stage.POSTPROCESS)
RESTART_SECONDS = 120


def stages() -> list[ParameterSet]:
    def case(stage: Stage) -> ParameterSet:
        short = stage is Stage.UPSCALE
        mark = pytest.mark.fault("replica killed", "job done, other jobs unaffected", short=short)
        return pytest.param(stage, marks=mark, id=stage.value)

    return [case(stage) for stage in Stage]


@pytest.mark.parametrize("stage", stages())
async def test_a_replica_is_killed_and_the_job_is_done(harness: Harness, row: Row, stage: Stage) -> None:
    job_id = await harness.submit(f"{stage} sleep 3")
    if stage is Stage.PREPROCESS:
        await harness.wait_until_running(job_id)
    else:
        await harness.wait_for_stage(job_id, Stage.GENERATE if stage is Stage.GENERATE else Stage.INTERPOLATE)
    other_id = await harness.submit()
    await harness.wait_until_running(other_id)
    await asyncio.sleep(1)
    harness.system.newest_replica(stage).kill()
    began = time.monotonic()
    job, other = await harness.wait_for_success(job_id, other_id, seconds=90)
    seconds = time.monotonic() - began
    row.measured = f"done after {seconds:.1f} s in attempt {job.attempt}; the other job in attempt {other.attempt}"
    assert (other.failures, other.losses) == (0, 0)
    if stage in SPAN_STAGES:
        assert job.attempt == 1


@pytest.mark.fault("replica hangs", "replica replaced, job done")
@pytest.mark.parametrize("instruction", ["generate hang-once", "upscale hang-once", "generate hold-gil-once"])
async def test_a_replica_that_hangs_is_replaced(harness: Harness, row: Row, instruction: str) -> None:
    stage = instruction.split()[0]
    hung = harness.system.newest_replica(stage).pid
    job_id = await harness.submit(instruction)
    began = time.monotonic()
    (job,) = await harness.wait_for_success(job_id, seconds=4 * SILENCE_SECONDS + 60)
    row.measured = (
        f"done after {time.monotonic() - began:.0f} s (silence {SILENCE_SECONDS:.0f} s) in attempt {job.attempt}"
    )
    assert hung not in [replica.pid for replica in harness.system.replicas(stage)]


@pytest.mark.fault("GPU error in a replica", "replica replaced, job done")
@pytest.mark.parametrize("stage", ["generate", "upscale"])
async def test_a_replica_with_a_gpu_error_is_replaced(harness: Harness, row: Row, stage: str) -> None:
    before = harness.system.newest_replica(stage).pid
    (job,) = await harness.wait_for_success(await harness.submit(f"{stage} crash-once"))
    assert before not in [replica.pid for replica in harness.system.replicas(stage)]
    row.measured = f"done in attempt {job.attempt}"


@pytest.mark.fault("replica suspended", "replaced after failed health checks, job done")
@pytest.mark.parametrize("stage", ["generate", "upscale"])
async def test_a_suspended_replica_is_replaced(harness: Harness, row: Row, stage: str) -> None:
    job_id = await harness.submit(f"{stage} sleep 3")
    await harness.wait_for_stage(job_id, "generate" if stage == "generate" else "interpolate")
    harness.system.newest_replica(stage).send_signal(signal.SIGSTOP)
    began = time.monotonic()
    (job,) = await harness.wait_for_success(job_id, seconds=300)
    row.measured = (
        f"done after {time.monotonic() - began:.0f} s (silence {SILENCE_SECONDS:.0f} s) in attempt {job.attempt}"
    )


@pytest.mark.fault("Serve controller killed", "running and new jobs are done")
async def test_the_serve_controller_is_killed(harness: Harness, row: Row) -> None:
    running = await harness.submit("generate sleep 2")
    await harness.wait_for_stage(running, "generate")
    harness.system.serve_controller().kill()
    began = time.monotonic()
    new = [await harness.submit() for _ in range(3)]
    ended = await harness.wait_for_success(running, *new, seconds=90)
    row.measured = f"{len(ended)} jobs done after {time.monotonic() - began:.1f} s"
    assert [job.failures + job.losses for job in ended] == [0] * 4


@pytest.mark.fault(
    "Ray head killed", f"0 API errors; all jobs done within {RESTART_SECONDS} s of its restart; no failure counted"
)
async def test_the_ray_head_is_killed(harness: Harness, row: Row) -> None:
    jobs = [await harness.submit("generate sleep 2, upscale sleep 1") for _ in range(4)]
    await harness.wait_for_stage(jobs[0], "generate")
    system, head = harness.system, harness.system.processes["ray"]
    head.kill()
    began = time.monotonic()
    while not head.is_ready:
        await harness.request("GET", f"/api/status/{jobs[0]}")
        jobs.append(await harness.submit())
        system.restart_ended()
        await asyncio.sleep(2)
        assert time.monotonic() - began < 200
    restarted = time.monotonic()
    supervising = asyncio.create_task(harness.supervise())
    try:
        ended = await harness.wait_for_success(*jobs, seconds=RESTART_SECONDS)
    finally:
        supervising.cancel()
    seconds = time.monotonic() - restarted
    errors = harness.server_errors + harness.interrupted
    starts = [system.processes[name].starts for name in DISPATCHERS]
    row.measured = f"{len(jobs)} jobs done {seconds:.0f} s after its restart, {len(errors)} errors"
    assert seconds < RESTART_SECONDS
    assert errors == []
    assert max(job.failures for job in ended) == 0, starts
