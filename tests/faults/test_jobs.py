"""Jobs that kill whoever touches them, users who flood, clocks that are wrong, and orders to end."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import text

from db import jobs
from tests.faults.conftest import Row
from tests.faults.process import Process
from tests.faults.system import DISPATCHERS, GATEWAYS, LEASE_SECONDS, System
from tests.faults.world import SPEC, World

FLOOD, OTHERS = 1000, 20
ENDS_WITHIN = 60


@pytest.mark.fault("job whose dispatcher dies each time", "parked as worker_lost after 3 losses")
async def test_a_job_that_kills_dispatchers_is_parked(world: World, row: Row) -> None:
    world.hold("after-claim")
    job_id = await world.submit()
    for _ in range(3):
        world.process(await world.reached("after-claim", LEASE_SECONDS + 30)).kill()
        world.system.revive()
    job = await world.ended(job_id, LEASE_SECONDS + 20)
    world.release("after-claim")
    assert (job.status, job.losses) == ("failed", 3)
    assert job.error is not None
    assert job.error["code"] == "worker_lost"
    row.measured = "failed: worker_lost, 3 losses, nothing charged"


@pytest.mark.fault("job whose replica dies each time", "parked as stage_lost; other jobs unharmed")
@pytest.mark.parametrize("stage", ["generate", "upscale"])
async def test_a_job_that_kills_replicas_is_parked(world: World, row: Row, stage: str) -> None:
    poison = await world.submit(f"{stage} die")
    others = [await world.submit("generate sleep 1", user=await world.make_user()) for _ in range(3)]
    ended = await world.succeeded(*others, seconds=120)
    job = await world.ended(poison, 200)
    assert job.status == "failed"
    assert job.error is not None
    assert (job.error["code"], job.error["stage"]) == ("stage_lost", stage if stage == "generate" else "postprocess")
    assert [other.losses for other in ended] == [0] * 3
    assert job.failures == 3
    assert [other.failures for other in ended] == [0] * 3
    row.measured = f"failed: stage_lost after {job.failures}, the others in their first attempt"


@pytest.mark.fault("out of memory", "once more with a smaller plan")
@pytest.mark.parametrize("stage", ["generate", "upscale"])
async def test_out_of_memory_is_tried_once_smaller(world: World, row: Row, stage: str) -> None:
    (job,) = await world.succeeded(await world.submit(f"{stage} oom"))
    assert await world.outcomes(job.id) == ["failed", "succeeded"]
    assert job.warnings == ["drawn smaller"]
    row.measured = "second attempt, drawn smaller"


@pytest.mark.fault("request that a stage refuses, stage that breaks", "failed at once, never tried again")
@pytest.mark.parametrize(("prompt", "code"), [("preprocess refuse", "refused"), ("upscale break", "stage_failed")])
async def test_what_cannot_be_helped_fails_at_once(world: World, row: Row, prompt: str, code: str) -> None:
    job = await world.ended(await world.submit(prompt))
    assert (job.status, job.attempt) == ("failed", 1)
    assert job.error is not None
    assert job.error["code"] == code
    row.measured = code


@pytest.mark.fault("row that this version cannot read", "tried again without losing leases, then internal_error")
async def test_a_row_of_another_version_fails_by_its_own_name(world: World, row: Row) -> None:
    limits = jobs.Limits(queued_per_user=10)
    began = time.monotonic()
    async with world.sessions.begin() as session:
        spec = {"prompt": "from the future", "seed": 1, **SPEC, "colour_space": "unknown"}
        made = await jobs.enqueue(session, owner_id=world.user, spec=spec, seconds=1.0, limits=limits)
    job = await world.ended(made.job.id)
    row.measured = (
        f"failed after {job.failures} attempts, {time.monotonic() - began:.0f} s and {job.losses} lost leases"
    )
    assert (job.failures, job.losses) == (3, 0)
    assert job.error is not None
    assert job.error["code"] == "internal_error"


@pytest.mark.fault(f"one user floods {FLOOD} jobs", f"each of {OTHERS} others starts within {OTHERS + 1} claims")
async def test_a_flood_of_one_user_holds_up_nobody(world: World, row: Row) -> None:
    limits = jobs.Limits(queued_per_user=FLOOD)
    others = [await world.make_user() for _ in range(OTHERS)]
    started: list[UUID] = []
    async with world.sessions.begin() as session:
        for number in range(FLOOD):
            spec = {"prompt": "flood", "seed": number, **SPEC}
            made = await jobs.enqueue(session, owner_id=world.user, spec=spec, seconds=1.0, limits=limits)
            world.accepted.append(made.job.id)
    await world.running(world.accepted[0])
    for user in others:
        async with world.sessions.begin() as session:
            spec = {"prompt": "other", "seed": 1, **SPEC}
            made = await jobs.enqueue(session, owner_id=user, spec=spec, seconds=1.0, limits=limits)
            started.append(made.job.id)
    for job_id in started:
        await world.until(job_id, lambda job: job.attempt > 0, 120, "it starts")
    places = await _places(world, started)
    row.measured = f"the last of them in claim {max(places)} after it came"
    assert max(places) <= OTHERS + 1
    await world.succeeded(*started, seconds=120)
    async with world.sessions.begin() as session:
        for job_id in world.accepted:
            await jobs.request_cancel(session, job_id, owner_id=world.user)


async def _places(world: World, others: list[UUID]) -> list[int]:
    """Which claim it was, counted since the job came, that started each of these."""
    claims = """
        SELECT count(*) FROM jobs JOIN attempts mine ON mine.job_id = jobs.id AND mine.attempt = 1
        JOIN attempts others ON others.started_at BETWEEN jobs.created_at AND mine.started_at
        WHERE jobs.id = ANY(:ids) GROUP BY jobs.id"""
    async with world.sessions() as session:
        return list(await session.scalars(text(claims), {"ids": others}))


@pytest.mark.fault("clock of a worker off by an hour", "leases hold: time is the database's")
@pytest.mark.parametrize("offset", [3600, -3600])
async def test_the_clock_of_a_worker_is_wrong(world: World, row: Row, offset: int) -> None:
    system = world.system
    process = skewed(system, offset)
    process.start()
    try:
        await world.eventually(_ready(process), 60, process.last_words())
        jobs = [await world.submit("generate sleep 2", user=await world.make_user()) for _ in range(6)]
        ended = await world.succeeded(*jobs, seconds=90)
        its = await world.attempts_of(process)
    finally:
        process.terminate(20)
    assert its
    assert [(job.attempt, job.failures, job.losses) for job in ended] == [(1, 0, 0)] * len(jobs)
    row.measured = f"{its} of {len(jobs)} jobs were its, 0 leases lost"


def skewed(system: System, offset: int) -> Process:
    """A dispatcher whose Python believes in another time."""
    module = [sys.executable, "-m", "tests.faults.skewed", str(offset)]
    return Process(f"skewed{offset}", module, system.environment(DISPATCHERS[0]), system.path / "logs")


def _ready(process: Process) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return process.ready

    return ready


@pytest.mark.fault("SIGTERM under load", "ends in order, no failure charged, nothing lost")
@pytest.mark.parametrize("name", ["dispatcher-1", "gateway-1", "ray", "postgres"])
async def test_an_order_to_end(world: World, row: Row, name: str) -> None:
    jobs = [await world.submit("generate sleep 1, upscale sleep 1") for _ in range(4)]
    await world.in_stage(jobs[0], "generate")
    listening = asyncio.create_task(_listen(world, jobs[0]))
    await asyncio.sleep(0.5)
    began = time.monotonic()
    if name == "postgres":
        await asyncio.to_thread(world.system.postgres.stop, ENDS_WITHIN)
        orderly = "database system is shut down" in world.system.postgres.log.read_text().splitlines()[-1]
    else:
        status = await asyncio.to_thread(world.system.processes[name].terminate, ENDS_WITHIN)
        orderly = status in (0, -signal.SIGTERM)
    seconds = time.monotonic() - began
    supervised = asyncio.create_task(supervise(world.system))
    try:
        jobs += [await world.submit() for _ in range(2)]
        ended = await world.succeeded(*jobs, seconds=180)
    finally:
        supervised.cancel()
    await asyncio.wait_for(listening, 30)  # the stream of events was ended, not cut
    lost = sum(job.losses for job in ended)
    assert orderly
    assert max(job.failures for job in ended) == 0
    assert lost == 0 or name == "ray"  # Ray ends its drivers before they can give back
    row.measured = f"ended in {seconds:.1f} s; {len(jobs)} jobs done, {lost} leases lost"


async def _listen(world: World, job_id: UUID) -> None:
    """Hear the events of a job at the first gateway until the stream ends."""
    url = world.system.url(GATEWAYS[0]) + f"/api/jobs/{job_id}/events"
    async with world.client.stream("GET", url, headers=world.headers(), timeout=60) as stream:
        async for _ in stream.aiter_lines():
            pass


async def supervise(system: System) -> None:
    while True:
        system.revive()
        await asyncio.sleep(0.5)


@pytest.mark.fault("everything killed at once (power cut)", "every accepted job is done after the restart")
async def test_a_power_cut(world: World, row: Row) -> None:
    jobs = [await world.submit("generate sleep 1, upscale sleep 1") for _ in range(6)]
    await world.in_stage(jobs[0], "generate")
    system = world.system
    for name in (*GATEWAYS, *DISPATCHERS, "ray"):
        system.processes[name].send(signal.SIGKILL)
    system.postgres.kill()
    for name in (*GATEWAYS, *DISPATCHERS, "ray"):
        system.processes[name].wait(10)
    system.revive()
    await asyncio.to_thread(system.wait_until_ready)
    began = time.monotonic()
    ended = await world.succeeded(*jobs, seconds=120)
    row.measured = f"{len(jobs)} jobs done {time.monotonic() - began:.0f} s after everything was back"
    assert [job.failures for job in ended] == [0] * len(jobs)
