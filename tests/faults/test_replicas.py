"""Replicas, the Serve controller and the Ray head that die or hang: the job is done, and nobody else pays for it."""

import asyncio
import signal
import time

import pytest
from _pytest.mark import ParameterSet

from pipeline.spec import Stage
from tests.faults.conftest import Row
from tests.faults.system import DISPATCHERS, SILENCE_SECONDS
from tests.faults.world import World

IN_SPANS = (Stage.INTERPOLATE, Stage.UPSCALE, Stage.POSTPROCESS)
SLEEPS = {
    Stage.PREPROCESS: "preprocess sleep 3",
    Stage.GENERATE: "generate sleep 3",
    Stage.INTERPOLATE: "interpolate sleep 3",
    Stage.UPSCALE: "upscale sleep 3",
    Stage.POSTPROCESS: "postprocess sleep 3",
}
RETURN_SECONDS = 120


def cases() -> list[ParameterSet]:
    def case(stage: Stage) -> ParameterSet:
        short = stage is Stage.UPSCALE
        mark = pytest.mark.fault("replica killed", "job done, other jobs unharmed", short=short)
        return pytest.param(stage, marks=mark, id=stage.value)

    return [case(stage) for stage in Stage]


@pytest.mark.parametrize("stage", cases())
async def test_a_replica_is_killed_and_the_job_is_done(world: World, row: Row, stage: Stage) -> None:
    job_id = await world.submit(SLEEPS[stage])
    if stage is Stage.PREPROCESS:
        await world.running(job_id)
    else:
        await world.in_stage(job_id, Stage.GENERATE if stage is Stage.GENERATE else Stage.INTERPOLATE)
    other_id = await world.submit()
    await world.running(other_id)
    await asyncio.sleep(1)
    victim = world.system.replica(stage)
    victim.send_signal(signal.SIGKILL)
    began = time.monotonic()
    job, other = await world.succeeded(job_id, other_id, seconds=90)
    row.measured = f"done after {time.monotonic() - began:.1f} s in attempt {job.attempt}; the other in {other.attempt}"
    assert (other.failures, other.losses) == (0, 0)
    if stage in IN_SPANS:
        assert job.attempt == 1


@pytest.mark.fault("replica that hangs", "replaced, job done")
@pytest.mark.parametrize("order", ["generate hang-once", "upscale hang-once", "generate seize-once"])
async def test_a_replica_that_hangs_is_replaced(world: World, row: Row, order: str) -> None:
    stage = order.split()[0]
    hung = world.system.replica(stage).pid
    job_id = await world.submit(order)
    began = time.monotonic()
    (job,) = await world.succeeded(job_id, seconds=4 * SILENCE_SECONDS + 60)
    row.measured = (
        f"done after {time.monotonic() - began:.0f} s (silence {SILENCE_SECONDS:.0f} s) in attempt {job.attempt}"
    )
    assert hung not in [replica.pid for replica in world.system.living(stage)]


@pytest.mark.fault("device of a replica crashes", "its process is replaced, job done")
@pytest.mark.parametrize("stage", ["generate", "upscale"])
async def test_a_replica_whose_device_crashes_is_replaced(world: World, row: Row, stage: str) -> None:
    before = world.system.replica(stage).pid
    (job,) = await world.succeeded(await world.submit(f"{stage} crash-once"))
    assert before not in [replica.pid for replica in world.system.living(stage)]
    row.measured = f"done in attempt {job.attempt}"


@pytest.mark.fault("replica's process frozen", "replaced by Serve's health check, job done")
@pytest.mark.parametrize("stage", ["generate", "upscale"])
async def test_a_frozen_replica_is_replaced(world: World, row: Row, stage: str) -> None:
    job_id = await world.submit(f"{stage} sleep 3")
    await world.in_stage(job_id, "generate" if stage == "generate" else "interpolate")
    frozen = world.system.replica(stage)
    frozen.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    (job,) = await world.succeeded(job_id, seconds=300)
    row.measured = (
        f"done after {time.monotonic() - began:.0f} s (silence {SILENCE_SECONDS:.0f} s) in attempt {job.attempt}"
    )


@pytest.mark.fault("Serve controller killed", "running and new jobs are done")
async def test_the_serve_controller_is_killed(world: World, row: Row) -> None:
    running = await world.submit("generate sleep 2")
    await world.in_stage(running, "generate")
    world.system.controller().send_signal(signal.SIGKILL)
    began = time.monotonic()
    new = [await world.submit() for _ in range(3)]
    ended = await world.succeeded(running, *new, seconds=90)
    row.measured = f"four jobs done after {time.monotonic() - began:.1f} s"
    assert [job.failures + job.losses for job in ended] == [0] * 4


@pytest.mark.fault("Ray head killed", "0 errors of the API; all done 120 s after its return; no failure charged")
async def test_the_ray_head_is_killed(world: World, row: Row) -> None:
    jobs = [await world.submit("generate sleep 2, upscale sleep 1") for _ in range(4)]
    await world.in_stage(jobs[0], "generate")
    system, head = world.system, world.system.processes["ray"]
    head.kill()
    began = time.monotonic()
    while not head.ready:
        await world.ask("GET", f"/api/status/{jobs[0]}")
        jobs.append(await world.submit())
        system.revive()
        await asyncio.sleep(2)
        assert time.monotonic() - began < 200
    back = time.monotonic()
    supervised = asyncio.create_task(supervise(world))
    try:
        ended = await world.succeeded(*jobs, seconds=RETURN_SECONDS)
    finally:
        supervised.cancel()
    seconds = time.monotonic() - back
    errors = world.server_errors + world.interrupted
    starts = [system.processes[name].starts for name in DISPATCHERS]
    row.measured = f"{len(jobs)} jobs done {seconds:.0f} s after its return, {len(errors)} errors"
    assert seconds < RETURN_SECONDS
    assert errors == []
    assert max(job.failures for job in ended) == 0, starts


async def supervise(world: World) -> None:
    while True:
        world.system.revive()
        await asyncio.sleep(0.5)
