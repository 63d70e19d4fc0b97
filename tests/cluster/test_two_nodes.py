"""One system on two Ray nodes: the spans of one video run on both, and a node may be lost in mid-job."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.cluster.conftest import S3_SECRET, ClusterSystem
from tests.faults.harness import Condition, Harness
from tests.faults.table import Row

pytestmark = [pytest.mark.ray, pytest.mark.slow]

# 20 s at 16 fps: 20 spans of 16 frames.
LONG = {"duration_seconds": 20.0}
SPANS = 20
OTHER_APPLICATION = """
@serve.deployment(ray_actor_options={"num_cpus": 0.01})
class Other:
    def __call__(self): return "still here"
serve.start(proxy_location="Disabled")
serve.run(Other.bind(), name="other", route_prefix=None)
"""
APPLICATIONS = "print(*sorted(serve.status().applications))"
CALL_OTHER = "print(serve.get_app_handle('other').remote().result(timeout_s=20))"
DEPLOYED = "from pipeline.cluster import applications; print(applications.stages_deployed(serve.status()))"
NODE_IDS = "print(*[node['NodeID'] for node in ray.nodes() if node['Alive']])"
# All that Ray's tools show: of the applications, of the actors and tasks, and of the drivers.
EVERYTHING = """
from ray.util import state
print(serve.status())
for resource in (state.list_actors, state.list_tasks, state.list_workers, state.list_jobs):
    print(resource(detail=True, limit=1000, raise_on_missing_output=False))
"""


@pytest.fixture(scope="module")
def system(cluster_system: ClusterSystem) -> ClusterSystem:
    cluster_system.start(OTHER_APPLICATION)
    return cluster_system


@pytest.fixture
async def harness(system: ClusterSystem) -> AsyncIterator[Harness]:
    """A new account; afterwards every accepted job has ended, and all invariants are checked."""
    harness = Harness(system)
    await harness.open()
    try:
        yield harness
        await harness.check()
    finally:
        await harness.close()


async def notes(harness: Harness, system: ClusterSystem, job_id: UUID) -> list[list[str]]:
    """The notes of the job's spans: stage, first frame or number, node."""
    seed = (await harness.job(job_id)).spec["seed"]
    found = [path.name.split(".") for path in system.notes.glob(f"*.{seed}.*")]
    return [[stage, number, node] for stage, _, number, node in found]


def nodes(noted: list[list[str]], stage: str) -> set[str]:
    return {node for name, _, node in noted if name == stage}


async def test_the_spans_of_one_video_run_on_both_nodes(harness: Harness, system: ClusterSystem) -> None:
    job_id = await harness.submit("upscale sleep 0.2", **LONG)
    await harness.wait_for_success(job_id)
    noted = await notes(harness, system, job_id)
    both = set(system.run_driver(NODE_IDS).splitlines()[-1].split())
    assert len(both) == 2
    assert nodes(noted, "upscale") == both
    assert nodes(noted, "encode") == both
    assert {int(first) for stage, first, _ in noted if stage == "encode"} == set(range(0, 16 * SPANS, 16))


async def test_no_secret_is_shown_or_logged(system: ClusterSystem) -> None:
    """The replicas have stored a video, so they have the secret."""
    shown = system.run_driver(EVERYTHING)
    assert "aura-postprocess" in shown
    assert S3_SECRET not in shown
    files = [*system.cluster.sessions.rglob("*"), *(system.path / "logs").rglob("*")]
    texts = [path for path in files if path.is_file()]
    assert any("aura-postprocess" in str(path) for path in texts)
    assert [path for path in texts if S3_SECRET.encode() in read(path)] == []


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # removed by Ray, or a socket
        return b""


async def test_ending_leaves_the_cluster_and_its_other_applications(system: ClusterSystem) -> None:
    deployer = system.processes["ray"]
    deployer.send(signal.SIGTERM)
    assert await asyncio.to_thread(deployer.wait, 40) == 0
    assert system.cluster.nodes["head"].is_alive
    *_, answer, applications, deployed = system.run_driver(f"{CALL_OTHER}\n{APPLICATIONS}\n{DEPLOYED}").splitlines()
    assert answer == "still here"
    assert applications == "other"
    assert deployed == "False"


async def test_jobs_wait_while_the_stages_are_deployed_again(harness: Harness, system: ClusterSystem) -> None:
    """A dispatcher that finds no stages gives its jobs back, exits, and waits for the stages when it is restarted."""
    job_id = await harness.submit()
    await harness.wait_until_running(job_id)
    supervising = asyncio.create_task(harness.supervise())
    try:
        (job,) = await harness.wait_for_success(job_id, seconds=90)
        await asyncio.to_thread(system.wait_until_ready)
    finally:
        supervising.cancel()
    assert (job.failures, job.losses) == (0, 0)


@pytest.mark.fault(
    "one of two nodes lost, with a dispatcher and both base clips", "jobs continue on the other", short=True
)
async def test_a_node_is_lost_in_mid_job(harness: Harness, system: ClusterSystem, row: Row) -> None:
    """Two long jobs, one per dispatcher. The second dispatcher connects through the node that is lost.

    The base clips of both are lost too: only the second node has a GPU, so `generate` ran there.
    """
    jobs = [await harness.submit("upscale sleep 0.25", **LONG) for _ in range(2)]
    running = [await harness.wait_until_running(job_id) for job_id in jobs]
    dispatchers = [harness.lease_owner(job).name for job in running]
    assert set(dispatchers) == {"dispatcher-1", "dispatcher-2"}
    for job_id in jobs:
        await harness.wait_until(upscaled_on_both(harness, system, job_id), 40, "spans have run on both nodes")
    system.cluster.kill_raylet("second")
    lost_at = time.monotonic()
    ended = await harness.wait_for_success(*jobs)
    seconds = time.monotonic() - lost_at
    assert [job.failures for job in ended] == [0, 0]
    outcomes = {name: await harness.outcomes(job_id) for name, job_id in zip(dispatchers, jobs, strict=True)}
    assert outcomes == {"dispatcher-1": ["succeeded"], "dispatcher-2": ["lost", "succeeded"]}
    row.measured = f"2 jobs of {SPANS} spans done {seconds:.0f} s later, 0 failures and 1 loss counted"


def upscaled_on_both(harness: Harness, system: ClusterSystem, job_id: UUID) -> Condition:
    async def condition() -> bool:
        return len(nodes(await notes(harness, system, job_id), "upscale")) == 2

    return condition
