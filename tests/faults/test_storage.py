"""The object store is down, full, or resets uploads: no partial video is published, and no failure is counted."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from db.embedded import free_port
from tests.faults.harness import Condition, Harness
from tests.faults.process import Process, wait_until
from tests.faults.proxy import Proxy
from tests.faults.system import System
from tests.faults.table import Row

RESETS = 20
# The uploads that are reset, in turn.
NAMES = ("video.mp4", "base.mkv")
BUCKET = "faults"
DOWN_SECONDS = 15
S3 = tuple[Harness, Proxy]


@pytest.fixture(scope="module")
def s3_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[System, Proxy]]:
    """A second system, whose objects are stored in an S3 server behind a fault proxy."""
    path = tmp_path_factory.mktemp("faults-s3")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Process("s3", command, {"PATH": "/usr/bin:/bin"}, path)
    server.start()
    system: System | None = None
    try:
        wait_until(lambda: _answers(port), 60, "the S3 server answers")
        system = System(path)
        proxy = system.proxies.open(port)
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
async def s3(s3_system: tuple[System, Proxy]) -> AsyncIterator[S3]:
    """As `harness`, with the fault proxy of the object store."""
    system, proxy = s3_system
    system.heal()
    harness = Harness(system)
    await harness.open()
    try:
        yield harness, proxy
        proxy.heal()
        system.heal()
        await harness.check()
    finally:
        proxy.heal()
        await harness.close()


@pytest.mark.fault(f"object store down for {DOWN_SECONDS} s", "jobs wait, then continue; no failure counted")
async def test_the_store_is_down(s3: S3, row: Row) -> None:
    harness, proxy = s3
    jobs = [await harness.submit("generate sleep 1") for _ in range(3)]
    await harness.wait_for_stage(jobs[0], "generate")
    proxy.refuse = True
    harness.system.proxies.reset(proxy)
    await asyncio.sleep(DOWN_SECONDS)
    states = {(await harness.job(job_id)).status for job_id in jobs}
    proxy.heal()
    began = time.monotonic()
    ended = await harness.wait_for_success(*jobs)
    row.measured = f"meanwhile {'/'.join(sorted(states))}; done {time.monotonic() - began:.1f} s after its return"
    assert states <= {"running", "queued"}
    assert [(job.attempt, job.failures) for job in ended] == [(1, 0)] * len(jobs)


@pytest.mark.fault(f"upload reset, at {RESETS} offsets", "0 partial videos, every job done")
async def test_uploads_are_reset(s3: S3, row: Row) -> None:
    harness, proxy = s3
    undisturbed = await harness.submit("noise", width=256, height=256)
    await harness.wait_for_success(undisturbed)
    stored = await harness.storage.list(f"jobs/{undisturbed}/1/")
    sizes = {found.key.rpartition("/")[2]: found.size for found in stored}
    failures = 0
    for number in range(RESETS):
        before = proxy.resets
        name = NAMES[number % len(NAMES)]
        proxy.reset_put = name.encode(), 500 + number * sizes[name] // RESETS
        job_id = await harness.submit("noise", width=256, height=256)
        await harness.wait_until(_has_reset(proxy, before + 1), 60, "an upload was reset")
        proxy.heal()
        (job,) = await harness.wait_for_success(job_id)
        failures += job.failures
    files = " and ".join(f"{name} ({sizes[name] / 1000:.0f} kB)" for name in NAMES)
    row.measured = f"{RESETS} resets, alternating between {files}; {failures} failures counted"
    assert failures == 0


def _has_reset(proxy: Proxy, number: int) -> Condition:
    async def condition() -> bool:
        return proxy.resets >= number

    return condition


@pytest.mark.fault("object store full", "0 partial videos; jobs wait, then continue")
async def test_the_store_is_full(s3: S3, row: Row) -> None:
    harness, proxy = s3
    proxy.storage_full = True
    jobs = [await harness.submit() for _ in range(2)]
    await harness.wait_until_running(jobs[0])
    await asyncio.sleep(8)
    states = {(await harness.job(job_id)).status for job_id in jobs}
    stored = [found for job_id in jobs for found in await harness.storage.list(f"jobs/{job_id}/")]
    proxy.heal()
    ended = await harness.wait_for_success(*jobs)
    assert stored == []
    row.measured = f"meanwhile {'/'.join(sorted(states))}; done in attempt {max(job.attempt for job in ended)}"
    assert [job.failures for job in ended] == [0, 0]
