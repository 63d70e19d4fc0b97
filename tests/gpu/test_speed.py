"""Goals on a GPU, and the same harness small on a CPU in every run."""

import multiprocessing
from pathlib import Path

import pytest
import torch

from pipeline.contract.hardware import Hardware
from pipeline.models.hardware import Device
from tests.gpu import bench

NO_GPU = "needs a CUDA GPU: torch.cuda.is_available() is false on this machine"
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_GPU)
# On an H200, from the floors of the hardware.
GOALS = {
    "step_ms_compiled": 70, "clip_s_compiled": 1.9, "four_steps_clip_s_compiled": 0.35, "realesrgan-x4plus_ms": 26,
    "realesr-general-x4v3_ms": 4,
}  # fmt: skip
CARD_BYTES = 12 * 10**9
SHARES = {"generate": 0.5, "interpolate": 0.2, "upscale": 0.3}


@pytest.mark.filterwarnings("ignore")
def test_the_harness_runs_small_on_a_cpu(tmp_path: Path) -> None:
    figures = bench.run("small", "cpu", tmp_path, repeats=1)

    assert {"step_ms", "clip_s", "four_steps_clip_s", "plain_clip_s"} <= figures.keys()
    assert all(value > 0 for name, value in figures.items() if not name.endswith("gib") and name != "step_ms")


@needs_gpu
@pytest.mark.filterwarnings("ignore")
def test_the_goals_are_met(tmp_path: Path) -> None:
    figures = bench.run("full", "cuda", tmp_path)
    print(figures)  # noqa: T201  (the reason to run this test)

    assert figures["clip_s"] <= 1.05 * figures["plain_clip_s"]
    assert figures["peak_gib"] <= figures["plain_peak_gib"]
    if "H200" in torch.cuda.get_device_name():
        missed = {name: (figures[name], goal) for name, goal in GOALS.items() if figures[name] > goal}
        assert not missed


def work(stage: str, scratch: str, peaks: "multiprocessing.Queue[tuple[str, int]]") -> None:
    """Two jobs of one stage in a process of its own, within its share of a 12 GB card."""
    total = torch.cuda.get_device_properties(0).total_memory
    hardware = Hardware("cuda", memory_share=SHARES[stage] * CARD_BYTES / total)
    Device.of(hardware).reserve()
    size, folder = bench.SIZES["full"], Path(scratch) / stage
    folder.mkdir()
    for _ in range(2):
        if stage == "generate":
            bench.measure_generator(size, folder, "cuda", 1)
        else:
            bench.measure_upscalers(size, folder, "cuda", 1)
    peaks.put((stage, torch.cuda.max_memory_reserved()))


@needs_gpu
def test_three_processes_share_a_card_of_12_gb(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    peaks: multiprocessing.Queue[tuple[str, int]] = context.Queue()
    processes = [context.Process(target=work, args=(stage, str(tmp_path), peaks)) for stage in SHARES]
    for process in processes:
        process.start()
    for process in processes:
        process.join(600)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert sum(peaks.get()[1] for _ in processes) <= CARD_BYTES
