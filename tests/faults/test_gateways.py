"""Gateways that die while clients submit, and cancels that must hold whatever happens."""

import asyncio
import itertools
import json
import random
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from _pytest.mark import ParameterSet
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect

from tests.faults.conftest import Row
from tests.faults.system import GATEWAYS, LEASE_SECONDS
from tests.faults.world import World

BUFFERED_BYTES = 256 * 1024
TIME_WAIT = "06"


def sizes() -> list[ParameterSet]:
    def case(posts: int, kills: int, *, short: bool) -> ParameterSet:
        mark = pytest.mark.fault("gateway killed during POST", "0 lost, 0 doubled", short=short)
        return pytest.param(posts, kills, marks=mark, id=f"{posts} submissions, {kills} kill{'s' * (kills > 1)}")

    return [case(40, 1, short=True), case(200, 4, short=False)]


@pytest.mark.parametrize(("posts", "kills"), sizes())
async def test_a_gateway_is_killed_during_submissions(world: World, row: Row, posts: int, kills: int) -> None:
    world.hold("after-claim")  # this is about rows, not videos
    turns = iter(range(posts))
    answers: list[httpx.Response] = []

    async def client() -> None:
        for _ in turns:
            headers = {"Idempotency-Key": secrets.token_hex(8)}
            answers.append(await world.ask("POST", "/api/generate", json=world.spec("many"), headers=headers))

    clients = [asyncio.create_task(client()) for _ in range(8)]
    for kill, name in zip(range(1, kills + 1), itertools.cycle(GATEWAYS), strict=False):
        await world.eventually(_reached(answers, kill * posts // (kills + 1)), 60, "enough was submitted")
        world.system.processes[name].kill()
        world.system.revive()
        world.system.wait_until_ready([name])
    await asyncio.gather(*clients)
    assert [answer.status_code for answer in answers] == [201] * posts
    ids = {answer.json()["job_id"] for answer in answers}
    async with world.sessions() as session:
        rows = set(map(str, await session.scalars(text("SELECT id FROM jobs"))))
    row.measured = (
        f"{len(ids - rows)} lost, {len(rows) - posts} doubled; {len(world.interrupted)} answers cut off, "
        f"{_replayed(answers)} of jobs that were there"
    )
    assert world.interrupted
    assert ids == rows
    assert len(rows) == posts
    for job_id in ids:
        world.accepted.append(UUID(job_id))
        await world.ask("POST", f"/api/jobs/{job_id}/cancel")
    world.release("after-claim")


def _reached(answers: list[httpx.Response], number: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return len(answers) >= number

    return enough


def _replayed(answers: list[httpx.Response]) -> int:
    return sum("Idempotency-Replayed" in answer.headers for answer in answers)


@pytest.mark.fault("cancel at the last moment before publishing", "accepted: never published", short=True)
async def test_a_job_whose_cancel_was_accepted_is_never_published(world: World, row: Row) -> None:
    world.hold("before-publish")
    job_id = await world.submit()
    await world.reached("before-publish")
    assert await world.cancel(job_id) == "canceling"
    world.release("before-publish")
    job = await world.ended(job_id)
    assert job.status == "canceled"
    assert job.progress["value"] < 1
    await world.eventually(world.nothing_of(job_id), 10, "its objects are gone")
    row.measured = "canceled, objects removed"


@pytest.mark.fault("cancel while its dispatcher is dead", "ends canceled", short=False)
async def test_a_job_canceled_while_orphaned_ends_canceled(world: World, row: Row) -> None:
    world.hold("after-generate")
    job_id = await world.submit()
    victim = world.process(await world.reached("after-generate"))
    victim.kill()
    world.release("after-generate")
    assert await world.cancel(job_id) == "canceling"
    began = time.monotonic()
    job = await world.ended(job_id, LEASE_SECONDS + 20)
    row.measured = f"canceled after {time.monotonic() - began:.1f} s (lease {LEASE_SECONDS:.0f} s)"
    assert job.status == "canceled"


@pytest.mark.fault("cancel while it is drawn", "stopped within a step", short=True)
async def test_a_cancel_stops_the_drawing(world: World, row: Row) -> None:
    job_id = await world.submit("generate sleep 40", num_inference_steps=40)
    await world.in_stage(job_id, "generate")
    began = time.monotonic()
    await world.cancel(job_id)
    job = await world.ended(job_id, 10)
    seconds = time.monotonic() - began
    assert job.status == "canceled"
    assert seconds < 2  # a step takes one
    await world.succeeded(await world.submit(), seconds=20)  # the replica is free for the next
    row.measured = f"canceled after {seconds:.1f} s; the next job ran at once"


@pytest.mark.fault("cancels at random moments of 60 jobs", "accepted: never published")
async def test_cancels_at_random_moments(world: World, row: Row) -> None:
    users = [await world.make_user() for _ in range(6)]
    jobs, said = [], []
    for n in range(60):
        jobs.append(await world.submit("generate sleep 0.2", user=users[n % 6]))
        if n % 2:
            await asyncio.sleep(random.uniform(0, 1.5))
            said.append(await world.cancel(jobs[-1], user=users[n % 6]))
    ended = [await world.ended(job_id, 120) for job_id in jobs]
    kept = [job.status for n, job in enumerate(ended) if n % 2 == 0]
    assert set(kept) == {"succeeded"}
    row.measured = ", ".join(f"{said.count(word)} answered {word}" for word in sorted(set(said)))


@pytest.mark.fault("slow WebSocket reader", f"dropped; at most {BUFFERED_BYTES // 1024} kB wait for it", short=True)
async def test_a_slow_reader_is_dropped(world: World, row: Row) -> None:
    """It says who it is and never reads again, while its account is busy; nothing of it stays behind."""
    listening = world.system.ports[GATEWAYS[0]]
    address = f"ws://127.0.0.1:{listening}/api/ws"
    narrow = socket.create_connection(("127.0.0.1", listening))
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    pair = listening, narrow.getsockname()[1]
    async with connect(address) as good, connect(address, sock=narrow, ping_interval=None, close_timeout=0.1) as slow:
        for reader in (good, slow):
            await reader.send(json.dumps({"type": "auth", "token": world.token()}))
            assert json.loads(await reader.recv())["type"] == "hello"
        slow.transport.pause_reading()
        held: list[int] = []
        told: set[str] = set()
        listening_on = asyncio.create_task(_note(good, told))
        began = time.monotonic()
        while (unsent := _unsent(*pair)) is not None:
            held.append(unsent)
            assert time.monotonic() < began + 90, f"still connected; {unsent} bytes wait, {len(told)} jobs"
            await world.cancel(await world.submit("x" * 2000, negative_prompt="y" * 2000))
        seconds = time.monotonic() - began
        await world.eventually(_all_in(told, world.accepted), 10, "the other reader of the account heard of every job")
        listening_on.cancel()
    row.measured = f"gone after {seconds:.0f} s and {len(held)} jobs; at most {max(held) // 1024} kB waited"
    assert 0 < max(held) <= BUFFERED_BYTES


async def _note(reader: ClientConnection, told: set[str]) -> None:
    """Write down the jobs that a reader hears of."""
    async for message in reader:
        told.add(json.loads(message)["job_id"])


def _all_in(told: set[str], jobs: list[UUID]) -> Callable[[], Awaitable[bool]]:
    async def all_in() -> bool:
        return told >= set(map(str, jobs))

    return all_in


def _unsent(local: int, remote: int) -> int | None:
    """What the kernel holds of a connection's output, in bytes; None when there is no such connection any more."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ports = tuple(int(address.rpartition(":")[2], 16) for address in fields[1:3])
        if ports == (local, remote) and fields[3] != TIME_WAIT:
            return int(fields[4].partition(":")[0], 16)
    return None
