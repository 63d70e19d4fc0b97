"""Jobs that kill their workers, floods of one user, wrong clocks, SIGTERM under load, and a power cut."""

import asyncio
import signal
import sys
import time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from db.jobs import queries as jobs
from db.jobs.quotas import Quotas
from tests.faults.harness import SPEC, Condition, Harness
from tests.faults.process import Process
from tests.faults.system import DISPATCHERS, GATEWAYS, LEASE_SECONDS, System
from tests.faults.table import Row

FLOOD_JOBS, OTHER_USERS = 1000, 20
EXIT_SECONDS = 60


@pytest.mark.fault("job that kills its dispatcher in every attempt", "failed with worker_lost after 3 losses")
async def test_a_job_that_kills_dispatchers_is_parked(harness: Harness, row: Row) -> None:
    harness.hold("after-claim")
    job_id = await harness.submit()
    for _ in range(3):
        (await harness.wait_for_arrival("after-claim", LEASE_SECONDS + 30)).kill()
        harness.system.restart_ended()
    job = await harness.wait_for_end(job_id, LEASE_SECONDS + 20)
    harness.release("after-claim")
    assert (job.status, job.losses) == ("failed", 3)
    assert job.error is not None
    assert job.error["code"] == "worker_lost"
    row.measured = "worker_lost after 3 losses, not charged"


@pytest.mark.fault("job that kills its replica in every attempt", "failed with stage_lost; other jobs unaffected")
@pytest.mark.parametrize("stage", ["generate", "upscale"])
async def test_a_job_that_kills_replicas_is_parked(harness: Harness, row: Row, stage: str) -> None:
    killer = await harness.submit(f"{stage} die")
    others = [await harness.submit("generate sleep 1", user=await harness.make_user()) for _ in range(3)]
    ended = await harness.wait_for_success(*others, seconds=120)
    job = await harness.wait_for_end(killer, 200)
    assert job.status == "failed"
    assert job.error is not None
    assert (job.error["code"], job.error["stage"]) == ("stage_lost", stage)
    assert [other.losses for other in ended] == [0] * 3
    assert job.failures == 3
    assert [other.failures for other in ended] == [0] * 3
    row.measured = f"stage_lost after {job.failures} failures; the others in attempt 1"


@pytest.mark.fault("out of memory", "one more attempt with the reduced plan")
@pytest.mark.parametrize("stage", ["generate", "upscale"])
async def test_out_of_memory_is_retried_once_with_the_reduced_plan(harness: Harness, row: Row, stage: str) -> None:
    (job,) = await harness.wait_for_success(await harness.submit(f"{stage} oom"))
    assert await harness.outcomes(job.id) == ["failed", "succeeded"]
    assert job.warnings == ["reduced plan"]
    row.measured = "done in attempt 2 with the reduced plan"


@pytest.mark.fault("request refused by a stage, defect of a stage", "failed in attempt 1, not retried")
@pytest.mark.parametrize(("prompt", "code"), [("preprocess refuse", "refused"), ("upscale break", "stage_failed")])
async def test_permanent_errors_are_not_retried(harness: Harness, row: Row, prompt: str, code: str) -> None:
    job = await harness.wait_for_end(await harness.submit(prompt))
    assert (job.status, job.attempt) == ("failed", 1)
    assert job.error is not None
    assert job.error["code"] == code
    row.measured = code


@pytest.mark.fault("row that this version cannot parse", "retried without losing leases, then internal_error")
async def test_a_row_that_cannot_be_parsed_fails_with_an_internal_error(harness: Harness, row: Row) -> None:
    began = time.monotonic()
    (job_id,) = await _enqueue(harness, harness.user, {"format": "format of the future"})
    job = await harness.wait_for_end(job_id)
    row.measured = (
        f"failed after {job.failures} attempts, {time.monotonic() - began:.0f} s and {job.losses} lost leases"
    )
    assert (job.failures, job.losses) == (3, 0)
    assert job.error is not None
    assert job.error["code"] == "internal_error"


@pytest.mark.fault("row with a field of a newer version", "field ignored, job done")
async def test_an_unknown_field_of_a_row_is_ignored(harness: Harness, row: Row) -> None:
    """Rolling upgrade: a newer gateway stores a field that the running dispatchers do not know."""
    (job_id,) = await _enqueue(harness, harness.user, {"colour_space": "bt2020"})
    (job,) = await harness.wait_for_success(job_id)
    assert (job.attempt, job.failures, job.losses) == (1, 0, 0)
    row.measured = f"done in attempt {job.attempt}"


async def _enqueue(harness: Harness, user: UUID, *specs: dict[str, Any]) -> list[UUID]:
    """Enqueue jobs in one transaction, without the validation of a gateway."""
    quotas = Quotas(queued_per_user=FLOOD_JOBS)
    ids = []
    async with harness.sessions.begin() as session:
        for fields in specs:
            spec = {"prompt": "no instructions", "seed": 1, **SPEC, **fields}
            submitted = await jobs.enqueue(session, owner_id=user, spec=spec, seconds=1.0, quotas=quotas)
            ids.append(submitted.job.id)
    return ids


@pytest.mark.fault(
    f"one user submits {FLOOD_JOBS} jobs", f"each of {OTHER_USERS} others starts within {OTHER_USERS + 1} claims"
)
async def test_a_flood_of_one_user_does_not_delay_others(harness: Harness, row: Row) -> None:
    others = [await harness.make_user() for _ in range(OTHER_USERS)]
    harness.accepted += await _enqueue(harness, harness.user, *({"seed": number} for number in range(FLOOD_JOBS)))
    await harness.wait_until_running(harness.accepted[0])
    waiting = [job_id for user in others for job_id in await _enqueue(harness, user, {})]
    for job_id in waiting:
        await harness.wait_for(job_id, lambda job: job.attempt > 0, 120, "the job starts")
    claims = await _claims_until_start(harness, waiting)
    row.measured = f"the last one started with claim {max(claims)} after its submission"
    assert max(claims) <= OTHER_USERS + 1
    await harness.wait_for_success(*waiting, seconds=120)
    async with harness.sessions.begin() as session:
        for job_id in harness.accepted:
            await jobs.request_cancel(session, job_id, owner_id=harness.user)


async def _claims_until_start(harness: Harness, job_ids: list[UUID]) -> list[int]:
    """For each job, the number of claims from its submission to its own claim, which is included."""
    claims = """
        SELECT count(*) FROM jobs JOIN attempts mine ON mine.job_id = jobs.id AND mine.attempt = 1
        JOIN attempts others ON others.started_at BETWEEN jobs.created_at AND mine.started_at
        WHERE jobs.id = ANY(:ids) GROUP BY jobs.id"""
    async with harness.sessions() as session:
        return list(await session.scalars(text(claims), {"ids": job_ids}))


@pytest.mark.fault("clock of a dispatcher off by an hour", "no effect: leases use the database's clock")
@pytest.mark.parametrize("offset", [3600, -3600])
async def test_a_wrong_clock_has_no_effect(harness: Harness, row: Row, offset: int) -> None:
    process = _skewed_dispatcher(harness.system, offset)
    process.start()
    try:
        await harness.wait_until(_is_ready(process), 60, process.log_tail())
        jobs = [await harness.submit("generate sleep 2", user=await harness.make_user()) for _ in range(6)]
        ended = await harness.wait_for_success(*jobs, seconds=90)
        attempts = await harness.count_attempts(process)
    finally:
        process.terminate(20)
    assert attempts > 0
    assert [(job.attempt, job.failures, job.losses) for job in ended] == [(1, 0, 0)] * len(jobs)
    row.measured = f"{attempts} of {len(jobs)} jobs ran there, 0 leases lost"


def _skewed_dispatcher(system: System, offset: int) -> Process:
    command = [sys.executable, "-m", "tests.faults.skewed_clock", str(offset)]
    return Process(f"skewed{offset}", command, system.environment(DISPATCHERS[0]), system.path / "logs")


def _is_ready(process: Process) -> Condition:
    async def condition() -> bool:
        return process.is_ready

    return condition


@pytest.mark.fault("SIGTERM under load", "orderly exit, no failure counted, nothing lost")
@pytest.mark.parametrize("name", ["dispatcher-1", "gateway-1", "ray", "postgres"])
async def test_sigterm_under_load(harness: Harness, row: Row, name: str) -> None:
    jobs = [await harness.submit("generate sleep 1, upscale sleep 1") for _ in range(4)]
    await harness.wait_for_stage(jobs[0], "generate")
    reading = asyncio.create_task(_read_events(harness, jobs[0]))
    await asyncio.sleep(0.5)
    began = time.monotonic()
    is_orderly = await asyncio.to_thread(_terminate, harness.system, name)
    seconds = time.monotonic() - began
    supervising = asyncio.create_task(harness.supervise())
    try:
        jobs += [await harness.submit() for _ in range(2)]
        ended = await harness.wait_for_success(*jobs, seconds=180)
    finally:
        supervising.cancel()
    await asyncio.wait_for(reading, 30)  # the gateway ended the event stream instead of resetting it
    lost = sum(job.losses for job in ended)
    assert is_orderly
    assert max(job.failures for job in ended) == 0
    assert lost == 0 or name == "ray"  # Ray may end its drivers before they give their jobs back
    row.measured = f"exited after {seconds:.1f} s; {len(jobs)} jobs done, {lost} leases lost"


def _terminate(system: System, name: str) -> bool:
    """Send SIGTERM. Whether the process exited in an orderly way."""
    if name == "postgres":
        system.postgres.stop(EXIT_SECONDS)
        return "database system is shut down" in system.postgres.log.read_text().splitlines()[-1]
    return system.processes[name].terminate(EXIT_SECONDS) in (0, -signal.SIGTERM)


async def _read_events(harness: Harness, job_id: UUID) -> None:
    """Read the events of a job from the first gateway until the stream ends."""
    url = harness.system.url(GATEWAYS[0]) + f"/api/jobs/{job_id}/events"
    async with harness.client.stream("GET", url, headers=harness.headers(), timeout=60) as stream:
        async for _ in stream.aiter_lines():
            pass


@pytest.mark.fault("all processes killed at once (power cut)", "every accepted job is done after the restart")
async def test_a_power_cut(harness: Harness, row: Row) -> None:
    jobs = [await harness.submit("generate sleep 1, upscale sleep 1") for _ in range(6)]
    await harness.wait_for_stage(jobs[0], "generate")
    system = harness.system
    for name in (*GATEWAYS, *DISPATCHERS, "ray"):
        system.processes[name].send(signal.SIGKILL)
    system.postgres.kill()
    for name in (*GATEWAYS, *DISPATCHERS, "ray"):
        system.processes[name].wait(10)
    system.restart_ended()
    await asyncio.to_thread(system.wait_until_ready)
    began = time.monotonic()
    ended = await harness.wait_for_success(*jobs, seconds=120)
    row.measured = f"{len(jobs)} jobs done {time.monotonic() - began:.0f} s after the restart"
    assert [job.failures for job in ended] == [0] * len(jobs)
