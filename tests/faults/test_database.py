"""PostgreSQL is killed, slow or unresponsive, or loses exactly one reply."""

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest
from _pytest.mark import ParameterSet

from tests.faults.harness import Harness
from tests.faults.system import DISPATCHERS, GATEWAYS, LEASE_SECONDS
from tests.faults.table import Row

EVENT_DELAY_SECONDS = 1.5
# By transaction: a prompt that leads to it, and a marker that only its statements contain.
TRANSACTIONS: dict[str, tuple[str, bytes]] = {
    "claim": ("claim marker", b"claim marker"),
    "publish": ("", b"/video.mp4"),
    "fail": ("generate oom", b"out_of_memory"),
    "keep base": ("", b"/base.mkv"),
}


@pytest.mark.fault("PostgreSQL killed while jobs run", "no job lost, no failure counted", short=True)
async def test_postgres_is_killed(harness: Harness, row: Row) -> None:
    jobs = [await harness.submit("generate sleep 1") for _ in range(3)]
    await harness.wait_for_stage(jobs[0], "generate")
    harness.system.postgres.kill()
    await asyncio.sleep(0.5)
    began = time.monotonic()
    harness.system.postgres.start()
    jobs.append(await harness.submit())
    ended = await harness.wait_for_success(*jobs)
    row.measured = f"{len(jobs)} jobs done {time.monotonic() - began:.1f} s after its restart"
    assert [job.failures for job in ended] == [0] * len(jobs)


def transactions() -> list[ParameterSet]:
    def case(name: str) -> ParameterSet:
        promise = "outcome read from the database; done once"
        return pytest.param(name, marks=pytest.mark.fault("reply to COMMIT lost", promise, short=name == "publish"))

    return [case(name) for name in TRANSACTIONS]


@pytest.mark.parametrize("transaction", transactions())
async def test_the_reply_to_a_commit_is_lost(harness: Harness, row: Row, transaction: str) -> None:
    prompt, marker = TRANSACTIONS[transaction]
    proxies = [harness.system.database_proxies[name] for name in DISPATCHERS]
    before = sum(proxy.dropped_replies for proxy in proxies)
    for proxy in proxies:
        proxy.drop_reply = (marker, b"COMMIT")
    job_id = await harness.submit(prompt)
    await harness.wait_for_success(job_id)
    assert sum(proxy.dropped_replies for proxy in proxies) > before
    expected = ["failed", "succeeded"] if transaction == "fail" else ["succeeded"]
    assert await harness.outcomes(job_id) == expected
    row.measured = f"attempts: {', '.join(expected)}"


@pytest.mark.fault(
    "reply to the COMMIT of a submission lost", "repeated with the same Idempotency-Key: one job", short=True
)
async def test_the_reply_to_the_commit_of_a_submission_is_lost(harness: Harness, row: Row) -> None:
    proxy = harness.system.database_proxies[GATEWAYS[0]]
    before = proxy.dropped_replies
    proxy.drop_reply = (b"submission marker", b"COMMIT")
    values: dict[str, Any] = {"json": harness.spec("submission marker"), "headers": {"Idempotency-Key": "lost-reply"}}
    first = await harness.request("POST", "/api/generate", gateways=GATEWAYS[:1], **values)
    again = await harness.request("POST", "/api/generate", gateways=GATEWAYS[1:], **values)
    assert proxy.dropped_replies == before + 1
    harness.accepted.append(UUID(first.json()["job_id"]))
    assert first.json()["job_id"] == again.json()["job_id"]
    assert first.headers["Idempotency-Replayed"] == again.headers["Idempotency-Replayed"] == "true"
    listed = await harness.request("GET", "/api/jobs")
    assert len(listed.json()["data"]) == 1
    row.measured = "one job, replayed"


@pytest.mark.fault("database of one dispatcher unresponsive beyond the lease", "fenced; another dispatcher continues")
async def test_the_database_of_one_dispatcher_is_unresponsive(harness: Harness, row: Row) -> None:
    job_id = await harness.submit("generate sleep 4, upscale sleep 4")
    owner = harness.lease_owner(await harness.wait_for_stage(job_id, "generate"))
    proxy = harness.system.database_proxies[owner.name]
    proxy.black_hole = True
    began = time.monotonic()
    await harness.wait_for_success(job_id, seconds=LEASE_SECONDS + 40)
    row.measured = f"done after {time.monotonic() - began:.0f} s by the other dispatcher"
    assert await harness.outcomes(job_id) == ["lost", "succeeded"]
    proxy.heal()
    assert owner.is_alive
    await harness.wait_until(harness.has_no_objects(job_id), 20, "the objects of the lost attempt are deleted")
    before = await harness.count_attempts(owner)
    await harness.wait_for_success(*[await harness.submit(user=await harness.make_user()) for _ in range(12)])
    assert await harness.count_attempts(owner) > before


@pytest.mark.fault("database latency 100 ms", "slower, nothing lost")
async def test_the_database_is_slow(harness: Harness, row: Row) -> None:
    for proxy in harness.system.database_proxies.values():
        proxy.latency = 0.05  # in each direction
    began = time.monotonic()
    ended = await harness.wait_for_success(*[await harness.submit() for _ in range(3)])
    row.measured = f"3 jobs done in {time.monotonic() - began:.1f} s"
    assert [(job.attempt, job.failures, job.losses) for job in ended] == [(1, 0, 0)] * 3


@pytest.mark.fault("all connections to the database reset, ten times", "nothing lost")
async def test_connections_to_the_database_are_reset(harness: Harness, row: Row) -> None:
    jobs = [await harness.submit("generate sleep 1") for _ in range(4)]
    for _ in range(10):
        for proxy in harness.system.database_proxies.values():
            harness.system.proxies.reset(proxy)
        await asyncio.sleep(0.5)
    ended = await harness.wait_for_success(*jobs)
    assert max(job.failures for job in ended) == 0
    row.measured = f"{len(jobs)} jobs done, {sum(job.losses for job in ended)} leases lost"


@pytest.mark.fault("notifications lost", f"an event arrives at most {EVENT_DELAY_SECONDS} s late")
async def test_notifications_are_lost(harness: Harness, row: Row) -> None:
    """The LISTEN connections of the gateways stay open but deliver nothing, so only polling is left."""
    proxies = [harness.system.database_proxies[name] for name in GATEWAYS]
    for proxy in proxies:
        proxy.drop_notifications = True
    job_id = await harness.submit("generate sleep 3")
    received_at = await asyncio.wait_for(_time_of_success_event(harness, job_id), 60)
    ended = await harness.wait_for_end(job_id)
    assert ended.finished_at is not None
    delay = received_at - ended.finished_at.timestamp()
    row.measured = f"{delay:.2f} s"
    assert sum(proxy.dropped_notification_bytes for proxy in proxies) > 0
    assert delay <= EVENT_DELAY_SECONDS


async def _time_of_success_event(harness: Harness, job_id: UUID) -> float:
    url = harness.system.url(GATEWAYS[0]) + f"/api/jobs/{job_id}/events"
    async with harness.client.stream("GET", url, headers=harness.headers(), timeout=30) as stream:
        async for line in stream.aiter_lines():
            if '"succeeded"' in line:
                return time.time()
    raise AssertionError("the stream ended before the job")
