"""The whole system: concurrent jobs, cancellation, errors, progress, memory and restarts."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cli.client import ApiError
from tests.e2e.conftest import RunningSystem
from tests.peak_memory import PeakMemory

SMALL = {"prompt": "a blue square moving left on a white background", "width": 64, "height": 64, "fps": 8, "seed": 1}
LONG = SMALL | {"num_inference_steps": 150, "duration_seconds": 4}


def wait_until(condition: Callable[[], object], timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not become true within {timeout} s"
        time.sleep(0.05)


def test_two_concurrent_jobs_succeed(system: RunningSystem) -> None:
    ids = [system.client.generate(SMALL | {"seed": seed}) for seed in (1, 2)]
    assert [system.wait_for(job_id)["status"] for job_id in ids] == ["succeeded", "succeeded"]


def test_a_job_is_canceled_within_one_denoising_step(system: RunningSystem) -> None:
    job_id = system.client.generate(LONG)
    wait_until(lambda: (system.client.status(job_id).progress.step or 0) >= 2)
    canceled_at, step = time.monotonic(), system.client.status(job_id).progress.step
    assert system.client.cancel(job_id).status in ("canceling", "canceled")
    job = system.wait_for(job_id)
    assert job["status"] == "canceled"
    # Progress is written twice a second, so the job is some steps ahead of the step that was read.
    assert job["progress"]["step"] < 140, f"canceled at step {step}, {time.monotonic() - canceled_at:.1f} s ago"
    assert time.monotonic() - canceled_at < 5


def test_an_unknown_model_is_an_error_with_the_known_names(system: RunningSystem) -> None:
    with pytest.raises(ApiError, match=r"model: there is no model 'nonsense'; available: tiny, ") as error:
        system.client.generate(SMALL | {"model": "nonsense"})
    assert (error.value.status, error.value.code) == (422, "invalid_request")


def test_a_job_for_a_model_without_files_fails_and_names_them(system: RunningSystem) -> None:
    job = system.wait_for(system.client.generate(SMALL | {"model": "animatediff"}))
    assert (job["status"], job["error"]["code"], job["attempt"]) == ("failed", "refused", 1)
    assert "base/model_index.json" in job["error"]["message"]


def test_progress_never_decreases_and_ends_at_one(system: RunningSystem) -> None:
    job_id = system.client.generate(SMALL | {"num_inference_steps": 40})
    values = [job.progress.value for job in system.client.follow(job_id)]
    assert values == sorted(values)
    assert values[-1] == 1
    assert len(set(values)) > 2
    job = system.client.status(job_id)
    status = {stage.name: stage.status for stage in job.progress.stages}
    assert status["interpolate"] == status["upscale"] == "skipped"
    assert status["generate"] == status["postprocess"] == "done"


def test_jobs_have_an_estimate_after_the_first_one_has_finished(system: RunningSystem) -> None:
    spec = SMALL | {"num_inference_steps": 25}
    system.wait_for(system.client.generate(spec))
    etas = [job.eta_seconds for job in system.client.follow(system.client.generate(spec | {"seed": 9}))]
    known = [eta for eta in etas if eta is not None]
    assert known
    assert known[-1] <= known[0]


def test_the_gateway_loads_neither_torch_nor_ray(system: RunningSystem) -> None:
    maps = Path(f"/proc/{system.pids()['gateway']}/maps")
    if not maps.exists():
        pytest.skip("this system has no /proc, which lists the libraries of a process")
    loaded = maps.read_text()
    assert "asyncpg" in loaded
    assert "torch" not in loaded
    assert "_raylet" not in loaded


LARGE = SMALL | {"width": 1024, "height": 1024, "num_inference_steps": 2}


@pytest.mark.slow
def test_peak_memory_stays_flat_as_the_length_of_the_video_grows(system: RunningSystem) -> None:
    """The frames of 12 s are 300 MB, those of 20 s are 500 MB; only the spans in flight may be in memory.

    The first job is not measured: memory that the allocators keep after it is included in all measurements. What they
    keep after each further job is not counted for the long one: a short one follows it.
    """
    system.generate(**LARGE, duration_seconds=20)
    peaks = []
    for seconds in (12, 20, 12):
        with PeakMemory(system.pids()["ray"]) as peak:
            system.generate(**LARGE, duration_seconds=seconds)
        peaks.append(peak.bytes / 1e6)
    assert peaks[1] - max(peaks[0], peaks[2]) < 100, f"peaks in MB: {peaks}"  # 200 if the frames of all spans were kept


@pytest.mark.slow
def test_the_frames_of_finished_spans_are_freed_from_shared_memory(system: RunningSystem) -> None:
    """Two spans of 50 MB are in flight at once; all six would be 300 MB."""
    used = []
    job_id = system.client.generate(LARGE | {"duration_seconds": 12})
    while system.client.status(job_id).status in ("queued", "running"):
        used.append(shared_memory(system))
    assert system.client.status(job_id).status == "succeeded"
    assert used
    assert max(used) <= 200, f"MiB used while the job ran: {used}"
    wait_until(lambda: shared_memory(system) < 20)


def shared_memory(system: RunningSystem) -> int:
    """The memory used in Ray's object store, in MiB."""
    ray = Path(sys.executable).with_name("ray")
    command = [str(ray), "memory", "--stats-only", "--address", system.data_dir.ray_address_file.read_text()]
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(system.data_dir.ray_token_file)}
    output = subprocess.run(command, env=os.environ | token, capture_output=True, text=True, timeout=60, check=True)
    found = re.search(r"Plasma memory usage (\d+) MiB", output.stdout)
    assert found, output.stdout
    return int(found[1])


def test_each_process_has_a_log(system: RunningSystem) -> None:
    for name in ("ray", "gateway", "dispatcher"):
        wait_until(lambda n=name: system.data_dir.log(n).stat().st_size)


def test_a_killed_process_is_restarted(system: RunningSystem) -> None:
    for name in ("gateway", "dispatcher"):
        before = system.pids()[name]
        os.kill(before, signal.SIGKILL)
        wait_until(lambda n=name, b=before: system.pids().get(n) not in (None, b))
    wait_until(lambda: system.data_dir.ready_file("dispatcher").exists())
    assert system.wait_for(system.client.generate(SMALL))["status"] == "succeeded"


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_the_workers_of_the_stages_are_forked_and_share_memory(system: RunningSystem) -> None:
    """Each would have a copy of the libraries of its own: more than 200 MB with torch."""
    head = psutil.Process(system.pids()["ray"])
    servers = [child for child in head.children() if "pipeline.cluster.fork_server" in child.cmdline()]
    replicas = [process for process in head.children(recursive=True) if "ServeReplica" in " ".join(process.cmdline())]
    assert len(servers) == 1
    assert len(replicas) == 5
    assert {process.ppid() for process in replicas} == {servers[0].pid}
