"""An object store that is down, full, or resets uploads: nobody ever sees half a video, and nothing is charged."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest

from tests.faults.conftest import Row
from tests.faults.process import Process, until
from tests.faults.proxy import Proxy
from tests.faults.system import System, free_port
from tests.faults.world import World

OFFSETS = 20
NAMES = ("video.mp4", "base.mkv")
BUCKET = "faults"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[System, Proxy]]:
    """A system of its own, whose objects lie in an S3 store behind a fault proxy."""
    path = tmp_path_factory.mktemp("faults-s3")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Process("s3", command, {"PATH": "/usr/bin:/bin"}, path)
    server.start()
    system: System | None = None
    try:
        until(lambda: _answers(port), 60, "the S3 server answers")
        system = System(path)
        proxy = system.proxies.to(port)
        system.storage_settings = {
            "S3_ENDPOINT": f"127.0.0.1:{proxy.port}", "S3_ACCESS_KEY": "faults", "S3_SECRET_KEY": "faults-secret",
            "S3_BUCKET": BUCKET,
        }  # fmt: skip
        system.start()
        yield system, proxy
    finally:
        if system:
            system.stop()
        server.kill()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=2).status_code < 500
    except httpx.TransportError:
        return False


@pytest.fixture
async def s3(store: tuple[System, Proxy]) -> AsyncIterator[tuple[World, Proxy]]:
    system, proxy = store
    system.heal()
    world = World(system)
    await world.open()
    try:
        yield world, proxy
        proxy.heal()
        system.heal()
        await world.check()
    finally:
        proxy.heal()
        await world.close()


@pytest.mark.fault("object store down for 15 s", "jobs wait and go on; none is charged a failure")
async def test_the_store_is_down(s3: tuple[World, Proxy], row: Row) -> None:
    world, proxy = s3
    jobs = [await world.submit("generate sleep 1") for _ in range(3)]
    await world.in_stage(jobs[0], "generate")
    proxy.refuse = True
    world.system.proxies.cut(proxy)
    await asyncio.sleep(15)
    states = {(await world.row(job_id)).status for job_id in jobs}
    proxy.heal()
    began = time.monotonic()
    ended = await world.succeeded(*jobs)
    row.measured = f"meanwhile {'/'.join(sorted(states))}; done {time.monotonic() - began:.1f} s after its return"
    assert states <= {"running", "queued"}
    assert [(job.attempt, job.failures) for job in ended] == [(1, 0)] * len(jobs)


@pytest.mark.fault(f"upload reset in the middle, at {OFFSETS} offsets", "0 half videos, every job done")
async def test_uploads_are_reset(s3: tuple[World, Proxy], row: Row) -> None:
    world, proxy = s3
    whole = await world.submit("noise", width=256, height=256)
    await world.succeeded(whole)
    sizes = {stored.key.rpartition("/")[2]: stored.size for stored in await world.storage.list(f"jobs/{whole}/1/")}
    failures = 0
    for number in range(OFFSETS):
        before = proxy.cuts
        name = NAMES[number % len(NAMES)]
        proxy.cut_after = name.encode(), 500 + number * sizes[name] // OFFSETS
        job_id = await world.submit("noise", width=256, height=256)
        await world.eventually(_cut(proxy, before + 1), 60, "an upload was reset")
        proxy.heal()
        (job,) = await world.succeeded(job_id)
        failures += job.failures
    spans = " and ".join(f"{name} of {sizes[name] / 1000:.0f} kB" for name in NAMES)
    row.measured = f"{OFFSETS} resets, in turn while {spans} went up; {failures} failures charged"
    assert failures == 0


def _cut(proxy: Proxy, number: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return proxy.cuts >= number

    return enough


@pytest.mark.fault("object store full", "0 half videos; jobs wait and go on when there is room")
async def test_the_store_is_full(s3: tuple[World, Proxy], row: Row) -> None:
    world, proxy = s3
    proxy.full = True
    jobs = [await world.submit() for _ in range(2)]
    await world.running(jobs[0])
    await asyncio.sleep(8)
    states = [(await world.row(job_id)).status for job_id in jobs]
    kept = [found for job_id in jobs for found in await world.storage.list(f"jobs/{job_id}/")]
    proxy.heal()
    ended = await world.succeeded(*jobs)
    assert kept == []
    row.measured = f"meanwhile {'/'.join(sorted(set(states)))}; done in attempt {max(job.attempt for job in ended)}"
    assert [job.failures for job in ended] == [0, 0]
