"""PostgreSQL that dies, is slow, goes silent, or loses exactly one answer."""

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest
from _pytest.mark import ParameterSet

from tests.faults.conftest import Row
from tests.faults.system import DISPATCHERS, GATEWAYS, LEASE_SECONDS
from tests.faults.world import World


@pytest.mark.fault("PostgreSQL killed while jobs run", "no job lost, none charged with a failure", short=True)
async def test_postgres_is_killed(world: World, row: Row) -> None:
    jobs = [await world.submit("generate sleep 1") for _ in range(3)]
    await world.in_stage(jobs[0], "generate")
    world.system.postgres.kill()
    await asyncio.sleep(0.5)
    began = time.monotonic()
    world.system.postgres.start()
    jobs.append(await world.submit())
    ended = await world.succeeded(*jobs)
    row.measured = f"{len(jobs)} jobs done {time.monotonic() - began:.1f} s after its return"
    assert [job.failures for job in ended] == [0] * len(jobs)


CUTS: dict[str, tuple[str, bytes]] = {
    "claim": ("nobody answers", b"nobody answers"),
    "publish": ("", b"/video.mp4"),
    "fail": ("generate oom", b"out_of_memory"),
    "keep base": ("", b"/base.mkv"),
}


def cuts() -> list[ParameterSet]:
    def case(name: str) -> ParameterSet:
        mark = pytest.mark.fault(
            "answer to COMMIT cut", "the outcome is read again; done once", short=name == "publish"
        )
        return pytest.param(name, marks=mark)

    return [case(name) for name in CUTS]


@pytest.mark.parametrize("what", cuts())
async def test_the_answer_to_a_commit_is_cut(world: World, row: Row, what: str) -> None:
    prompt, mark = CUTS[what]
    proxies = [world.system.database[name] for name in DISPATCHERS]
    before = sum(proxy.swallowed for proxy in proxies)
    for proxy in proxies:
        proxy.swallow = (mark, b"COMMIT")
    job_id = await world.submit(prompt)
    await world.succeeded(job_id)
    assert sum(proxy.swallowed for proxy in proxies) > before
    expected = ["failed", "succeeded"] if what == "fail" else ["succeeded"]
    assert await world.outcomes(job_id) == expected
    row.measured = f"attempts: {', '.join(expected)}"


@pytest.mark.fault("answer to the COMMIT of a POST cut", "sent again with its Idempotency-Key: one job", short=True)
async def test_the_answer_to_the_commit_of_a_submission_is_cut(world: World, row: Row) -> None:
    proxy = world.system.database[GATEWAYS[0]]
    before = proxy.swallowed
    proxy.swallow = (b"cut this one", b"COMMIT")
    headers, spec = {"Idempotency-Key": "cut-1"}, world.spec("cut this one")
    first = await world.ask("POST", "/api/generate", gateways=GATEWAYS[:1], json=spec, headers=headers)
    again = await world.ask("POST", "/api/generate", gateways=GATEWAYS[1:], json=spec, headers=headers)
    assert proxy.swallowed == before + 1
    world.accepted.append(UUID(first.json()["job_id"]))
    assert first.json()["job_id"] == again.json()["job_id"]
    assert first.headers["Idempotency-Replayed"] == again.headers["Idempotency-Replayed"] == "true"
    listed = await world.ask("GET", "/api/jobs")
    assert len(listed.json()["data"]) == 1
    row.measured = "one job, replayed"


@pytest.mark.fault("a dispatcher's database goes silent beyond the lease", "fenced; another goes on")
async def test_the_database_goes_silent_for_one_dispatcher(world: World, row: Row) -> None:
    job_id = await world.submit("generate sleep 4, upscale sleep 4")
    owner = world.owner(await world.in_stage(job_id, "generate"))
    proxy = world.system.database[owner.name]
    proxy.black_hole = True
    began = time.monotonic()
    await world.succeeded(job_id, seconds=LEASE_SECONDS + 40)
    row.measured = f"done after {time.monotonic() - began:.0f} s by the other"
    assert await world.outcomes(job_id) == ["lost", "succeeded"]
    proxy.heal()
    assert owner.alive
    await world.eventually(world.nothing_of(job_id), 20, "what it had stored is gone")
    before = await world.attempts_of(owner)
    await world.succeeded(*[await world.submit(user=await world.make_user()) for _ in range(12)])
    assert await world.attempts_of(owner) > before


@pytest.mark.fault("database 100 ms away", "slower, nothing lost")
async def test_the_database_is_far_away(world: World, row: Row) -> None:
    for proxy in world.system.database.values():
        proxy.latency = 0.05  # each way
    began = time.monotonic()
    ended = await world.succeeded(*[await world.submit() for _ in range(3)])
    row.measured = f"3 jobs done in {time.monotonic() - began:.1f} s"
    assert [(job.attempt, job.failures, job.losses) for job in ended] == [(1, 0, 0)] * 3


@pytest.mark.fault("all connections to the database reset, ten times", "nothing lost")
async def test_the_connections_are_reset(world: World, row: Row) -> None:
    jobs = [await world.submit("generate sleep 1") for _ in range(4)]
    for _ in range(10):
        for proxy in world.system.database.values():
            world.system.proxies.cut(proxy)
        await asyncio.sleep(0.5)
    ended = await world.succeeded(*jobs)
    assert max(job.failures for job in ended) == 0
    row.measured = f"{len(jobs)} jobs done, {sum(job.losses for job in ended)} leases lost"


@pytest.mark.fault("LISTEN lost", "an event arrives at most 1.5 s late")
async def test_listen_is_lost(world: World, row: Row) -> None:
    """The line that carries the notifications goes deaf; polling is what is left."""
    for name in GATEWAYS:
        world.system.database[name].deaf_listeners = True
    job_id = await world.submit("generate sleep 3")
    seen = await asyncio.wait_for(_hear_of_the_end(world, job_id), 60)
    ended = await world.ended(job_id)
    assert ended.finished_at is not None
    delay = seen - ended.finished_at.timestamp()
    row.measured = f"{delay:.2f} s"
    assert sum(world.system.database[name].unheard for name in GATEWAYS) > 0
    assert delay <= 1.5


async def _hear_of_the_end(world: World, job_id: Any) -> float:
    """When the event stream of the job said that it has succeeded."""
    url = world.system.url(GATEWAYS[0]) + f"/api/jobs/{job_id}/events"
    async with world.client.stream("GET", url, headers=world.headers(), timeout=30) as stream:
        async for line in stream.aiter_lines():
            if '"succeeded"' in line:
                return time.time()
    raise AssertionError("the stream ended before the job")
