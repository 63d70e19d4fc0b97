"""The system as a whole: several jobs, cancel, errors, memory, processes that die."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from cli.client import Problem
from tests.e2e.conftest import Running

SMALL = {"prompt": "a blue square moving left on a white background", "width": 64, "height": 64, "fps": 8, "seed": 1}
LONG = SMALL | {"num_inference_steps": 150, "duration_seconds": 4}


def until(condition: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_two_jobs_at_once_finish(system: Running) -> None:
    ids = [system.client.generate(SMALL | {"seed": seed}) for seed in (1, 2)]
    assert [system.finish(job_id)["status"] for job_id in ids] == ["succeeded", "succeeded"]


def test_a_job_is_canceled_within_one_denoising_step(system: Running) -> None:
    job_id = system.client.generate(LONG)
    until(lambda: (system.client.status(job_id)["progress"].get("step") or 0) >= 2)
    began, before = time.monotonic(), system.client.status(job_id)["progress"]["step"]
    assert system.client.cancel(job_id)["status"] in ("canceling", "canceled")
    job = system.finish(job_id)
    assert job["status"] == "canceled"
    # Progress is written twice a second, so some steps lie between what was seen and the cancel itself.
    assert job["progress"]["step"] < 140, f"at {before} when canceled, {time.monotonic() - began:.1f} s"
    assert time.monotonic() - began < 5


def test_a_model_that_does_not_exist_is_refused_with_a_list_of_those_that_do(system: Running) -> None:
    with pytest.raises(Problem, match=r"model: there is no model 'nonsense'; there are: tiny, ") as refused:
        system.client.generate(SMALL | {"model": "nonsense"})
    assert (refused.value.status, refused.value.code) == (422, "invalid_request")


def test_a_model_without_its_files_fails_the_job_and_names_them(system: Running) -> None:
    job = system.finish(system.client.generate(SMALL | {"model": "animatediff"}))
    assert (job["status"], job["error"]["code"], job["attempt"]) == ("failed", "refused", 1)
    assert "base/model_index.json" in job["error"]["message"]


def test_progress_never_falls_and_ends_at_one(system: Running) -> None:
    job_id = system.client.generate(SMALL | {"num_inference_steps": 40})
    values = [job["progress"]["value"] for job in system.client.follow(job_id)]
    assert values == sorted(values)
    assert values[-1] == 1
    assert len(set(values)) > 2
    job = system.client.status(job_id)
    status = {stage["name"]: stage["status"] for stage in job["progress"]["stages"]}
    assert status["interpolate"] == status["upscale"] == "skipped"
    assert status["generate"] == status["postprocess"] == "done"


def test_the_estimate_is_known_once_a_job_has_been_measured(system: Running) -> None:
    asked = SMALL | {"num_inference_steps": 25}
    system.finish(system.client.generate(asked))
    etas = [job["eta_seconds"] for job in system.client.follow(system.client.generate(asked | {"seed": 9}))]
    known = [eta for eta in etas if eta is not None]
    assert known
    assert known[-1] <= known[0]


def test_the_gateway_has_loaded_neither_torch_nor_ray(system: Running) -> None:
    maps = Path(f"/proc/{system.pids()['gateway']}/maps")
    if not maps.exists():
        pytest.skip("no /proc on this system: what a process has loaded cannot be seen from outside")
    loaded = maps.read_text()
    assert "asyncpg" in loaded
    assert "torch" not in loaded
    assert "_raylet" not in loaded


class Peak:
    """The most memory that the Ray processes and their shared memory held at once, in bytes."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._stop = threading.Event()
        self.bytes = 0

    def __enter__(self) -> "Peak":
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            self.bytes = max(self.bytes, sum(map(self._private, self._root.children(recursive=True))))

    @staticmethod
    def _private(process: psutil.Process) -> int:
        """Its own pages and its share of the shared ones."""
        try:
            return int(process.memory_full_info().pss)
        except psutil.Error:
            return 0


LARGE = SMALL | {"width": 1024, "height": 1024, "num_inference_steps": 2}


@pytest.mark.slow
def test_memory_stays_flat_in_the_length_of_the_video(system: Running) -> None:
    """From 12 s to 20 s the finished frames grow from 300 to 500 MB; the peak of all processes must not follow.

    Both are longer than what is under way at once. The longest job goes first: what an allocator keeps after it is then
    there for both.
    """
    system.video(**LARGE, duration_seconds=20)
    peaks = []
    for seconds in (12, 20):
        with Peak(system.pids()["ray"]) as peak:
            system.video(**LARGE, duration_seconds=seconds)
        peaks.append(peak.bytes / 1e6)
    assert peaks[1] - peaks[0] < 100, f"peaks in MB: {peaks}"  # 200 more with the frames of all spans held


@pytest.mark.slow
def test_the_frames_of_finished_spans_leave_the_shared_memory(system: Running) -> None:
    """Two spans of 50 MB are under way at once; all six would be 300."""
    used = []
    job_id = system.client.generate(LARGE | {"duration_seconds": 12})
    while system.client.status(job_id)["status"] in ("queued", "running"):
        used.append(shared_memory(system))
    assert system.client.status(job_id)["status"] == "succeeded"
    assert used
    assert max(used) <= 200, f"MB in use while the job ran: {used}"
    until(lambda: shared_memory(system) < 20)


def shared_memory(system: Running) -> int:
    """MB of frames that the object store of Ray holds right now."""
    ray = Path(sys.executable).with_name("ray")
    command = [ray, "memory", "--stats-only", "--address", system.home.ray_address_file.read_text()]
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(system.home.ray_token_file)}
    said = subprocess.run(command, env=os.environ | token, capture_output=True, text=True, timeout=60, check=True)
    found = re.search(r"Plasma memory usage (\d+) MiB", said.stdout)
    assert found, said.stdout
    return int(found[1])


def test_a_child_that_dies_is_started_again(system: Running) -> None:
    for name in ("gateway", "dispatcher"):
        before = system.pids()[name]
        os.kill(before, signal.SIGKILL)
        until(lambda n=name, b=before: system.pids().get(n) not in (None, b))
    until(lambda: system.home.ready_file("dispatcher").exists())
    assert system.finish(system.client.generate(SMALL))["status"] == "succeeded"
