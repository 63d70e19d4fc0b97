"""Gateways are killed while clients submit, cancels hold whatever happens, and slow readers are disconnected."""

import asyncio
import itertools
import json
import random
import secrets
import socket
import time
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from _pytest.mark import ParameterSet
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect

from tests.faults.harness import Condition, Harness
from tests.faults.system import GATEWAYS, LEASE_SECONDS
from tests.faults.table import Row

CLIENTS = 8
BUFFERED_BYTES = 256 * 1024
TCP_TIME_WAIT = "06"


def cases() -> list[ParameterSet]:
    def case(submissions: int, kills: int, *, short: bool) -> ParameterSet:
        mark = pytest.mark.fault("gateway killed during submissions", "0 lost, 0 duplicated", short=short)
        return pytest.param(
            submissions, kills, marks=mark, id=f"{submissions} submissions, {kills} kill{'s' * (kills > 1)}"
        )

    return [case(40, 1, short=True), case(200, 4, short=False)]


@pytest.mark.parametrize(("submissions", "kills"), cases())
async def test_a_gateway_is_killed_during_submissions(harness: Harness, row: Row, submissions: int, kills: int) -> None:
    harness.hold("after-claim")  # the videos are not needed
    numbers = iter(range(submissions))
    responses: list[httpx.Response] = []

    async def client() -> None:
        for _ in numbers:
            headers = {"Idempotency-Key": secrets.token_hex(8)}
            spec = harness.spec("submission")
            responses.append(await harness.request("POST", "/api/generate", json=spec, headers=headers))

    clients = [asyncio.create_task(client()) for _ in range(CLIENTS)]
    for kill, name in zip(range(1, kills + 1), itertools.cycle(GATEWAYS), strict=False):
        await harness.wait_until(_has_length(responses, kill * submissions // (kills + 1)), 60, "enough submissions")
        harness.system.processes[name].kill()
        harness.system.restart_ended()
        harness.system.wait_until_ready([name])
    await asyncio.gather(*clients)
    assert [response.status_code for response in responses] == [201] * submissions
    ids = {response.json()["job_id"] for response in responses}
    async with harness.sessions() as session:
        rows = set(map(str, await session.scalars(text("SELECT id FROM jobs"))))
    replayed = sum("Idempotency-Replayed" in response.headers for response in responses)
    row.measured = (
        f"{len(ids - rows)} lost, {len(rows) - submissions} duplicated; "
        f"{len(harness.interrupted)} responses interrupted, {replayed} jobs replayed"
    )
    assert harness.interrupted
    assert ids == rows
    assert len(rows) == submissions
    for job_id in ids:
        harness.accepted.append(UUID(job_id))
        await harness.request("POST", f"/api/jobs/{job_id}/cancel")
    harness.release("after-claim")


def _has_length(responses: list[httpx.Response], number: int) -> Condition:
    async def condition() -> bool:
        return len(responses) >= number

    return condition


@pytest.mark.fault("cancel just before publish", "accepted: never published", short=True)
async def test_a_job_whose_cancel_was_accepted_is_never_published(harness: Harness, row: Row) -> None:
    harness.hold("before-publish")
    job_id = await harness.submit()
    await harness.wait_for_arrival("before-publish")
    assert await harness.cancel(job_id) == "canceling"
    harness.release("before-publish")
    job = await harness.wait_for_end(job_id)
    assert job.status == "canceled"
    assert job.progress["value"] < 1
    await harness.wait_until(harness.has_no_objects(job_id), 10, "its objects are deleted")
    row.measured = "canceled, objects deleted"


@pytest.mark.fault("cancel while the dispatcher is dead", "ends canceled", short=False)
async def test_a_job_canceled_after_its_dispatcher_was_killed_ends_canceled(harness: Harness, row: Row) -> None:
    harness.hold("after-generate")
    job_id = await harness.submit()
    (await harness.wait_for_arrival("after-generate")).kill()
    harness.release("after-generate")
    assert await harness.cancel(job_id) == "canceling"
    began = time.monotonic()
    job = await harness.wait_for_end(job_id, LEASE_SECONDS + 20)
    row.measured = f"canceled after {time.monotonic() - began:.1f} s (lease {LEASE_SECONDS:.0f} s)"
    assert job.status == "canceled"


@pytest.mark.fault("cancel during generate", "stopped within a step", short=True)
async def test_a_cancel_stops_generate(harness: Harness, row: Row) -> None:
    job_id = await harness.submit("generate sleep 40", num_inference_steps=40)
    await harness.wait_for_stage(job_id, "generate")
    began = time.monotonic()
    await harness.cancel(job_id)
    job = await harness.wait_for_end(job_id, 10)
    seconds = time.monotonic() - began
    assert job.status == "canceled"
    assert seconds < 2  # a step takes one second
    await harness.wait_for_success(await harness.submit(), seconds=20)  # the replica accepts the next job
    row.measured = f"canceled after {seconds:.1f} s; the next job started at once"


@pytest.mark.fault("cancels at random moments of 60 jobs", "accepted: never published")
async def test_cancels_at_random_moments(harness: Harness, row: Row) -> None:
    users = [await harness.make_user() for _ in range(6)]
    jobs, statuses = [], []
    for number in range(60):
        user = users[number % 6]
        jobs.append(await harness.submit("generate sleep 0.2", user=user))
        if number % 2:
            await asyncio.sleep(random.uniform(0, 1.5))
            statuses.append(await harness.cancel(jobs[-1], user=user))
    ended = [await harness.wait_for_end(job_id, 120) for job_id in jobs]
    not_canceled = {job.status for number, job in enumerate(ended) if number % 2 == 0}
    assert not_canceled == {"succeeded"}
    row.measured = ", ".join(f"{statuses.count(status)} answered {status}" for status in sorted(set(statuses)))


@pytest.mark.fault("slow WebSocket reader", f"disconnected; at most {BUFFERED_BYTES // 1024} kB buffered", short=True)
async def test_a_slow_reader_is_disconnected(harness: Harness, row: Row) -> None:
    """The reader authenticates and then stops reading, while many jobs of its account change."""
    port = harness.system.ports[GATEWAYS[0]]
    url = f"ws://127.0.0.1:{port}/api/ws"
    slow_socket = socket.create_connection(("127.0.0.1", port))
    slow_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    ports = port, slow_socket.getsockname()[1]
    async with (
        connect(url) as fast,
        connect(url, sock=slow_socket, ping_interval=None, close_timeout=0.1) as slow,
    ):
        for reader in (fast, slow):
            await reader.send(json.dumps({"type": "auth", "token": harness.token()}))
            assert json.loads(await reader.recv())["type"] == "hello"
        slow.transport.pause_reading()
        buffered: list[int] = []
        received: set[str] = set()
        receiving = asyncio.create_task(_record_job_ids(fast, received))
        began = time.monotonic()
        while (unsent := _unsent_bytes(*ports)) is not None:
            buffered.append(unsent)
            assert time.monotonic() < began + 90, f"still connected; {unsent} bytes buffered, {len(received)} jobs"
            await harness.cancel(await harness.submit("x" * 2000, negative_prompt="y" * 2000))
        seconds = time.monotonic() - began
        all_received = _includes(received, harness.accepted)
        await harness.wait_until(all_received, 10, "the fast reader received events of every job")
        receiving.cancel()
    largest = max(buffered)
    row.measured = f"disconnected after {seconds:.0f} s and {len(buffered)} jobs; at most {largest // 1024} kB buffered"
    assert 0 < largest <= BUFFERED_BYTES


async def _record_job_ids(reader: ClientConnection, received: set[str]) -> None:
    async for message in reader:
        received.add(json.loads(message)["job_id"])


def _includes(received: set[str], jobs: list[UUID]) -> Condition:
    async def condition() -> bool:
        return received >= set(map(str, jobs))

    return condition


def _unsent_bytes(local_port: int, remote_port: int) -> int | None:
    """The bytes in the kernel's send buffer of a connection; None if there is no such connection."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ports = tuple(int(address.rpartition(":")[2], 16) for address in fields[1:3])
        if ports == (local_port, remote_port) and fields[3] != TCP_TIME_WAIT:
            return int(fields[4].partition(":")[0], 16)
    return None
