"""`aura bench start`: how long the parts of the start take, and what the system uses when it is idle.

Wall-clock times depend on what else the machine does; CPU seconds hardly do. All parts compete for the same cores.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from cli.client import Client
from cli.system.data_dir import LOCAL_EMAIL, DataDir
from db.ports import free_port

IDLE_SECONDS: Final = 30.0
PROMPT: Final = "a red circle moving right on a blue background"
# What the processes import, by what the table calls it.
IMPORTS: Final = {
    "Ray and Serve": "ray.serve",
    "gateway": "api.app",
    "dispatcher": "pipeline.worker.dispatcher, pipeline.cluster.client",
    **{
        stage: f"pipeline.stages.{stage}"
        for stage in ("preprocess", "generate", "interpolate", "upscale", "postprocess")
    },
}


@dataclass
class Usage:
    """CPU seconds so far, and memory in bytes, of a process and its descendants; shared pages count once."""

    cpu: float = 0
    memory: int = 0


@dataclass
class Report:
    """Seconds, in the order of the lines that `print_report` writes."""

    imports: dict[str, float] = field(default_factory=dict)
    # The seconds between the start of `aura up` and each line that it prints.
    lines: dict[str, float] = field(default_factory=dict)
    at_ready: Usage = field(default_factory=Usage)
    idle_cpu: float = 0
    jobs: list[tuple[float, float]] = field(default_factory=list)
    stop: float = 0


def measure(folder: Path) -> Report:
    """Start a system in an empty folder, look at it while it is idle, make two videos, and stop it."""
    report = Report(imports={name: import_seconds(modules) for name, modules in IMPORTS.items()})
    data_dir, port = DataDir(folder / "data"), free_port()
    options = ["--data-dir", str(data_dir.path), "--port", str(port), "--no-web"]
    began = time.monotonic()
    command = [sys.executable, "-m", "cli.main", "up", *options]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            for line in printed_lines(process):
                report.lines[line] = time.monotonic() - began
                if line == "ready":
                    break
            report.at_ready = usage(process.pid)
            report.idle_cpu = idle_cpu(process.pid)
            report.jobs = [generate(data_dir, f"http://127.0.0.1:{port}", folder / "video.mp4") for _ in range(2)]
        finally:
            stopping = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.communicate()
            report.stop = time.monotonic() - stopping
    return report


def import_seconds(modules: str) -> float:
    """CPU seconds of a process that only imports these modules."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    subprocess.run([sys.executable, "-c", f"import {modules}"], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def printed_lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    """Raises RuntimeError when the process ends."""
    assert process.stdout  # noqa: S101
    for line in process.stdout:
        yield line.strip()
    raise RuntimeError("`aura up` has ended; start it by hand to see why")


def usage(pid: int) -> Usage:
    total = Usage()
    root = psutil.Process(pid)
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
            total.cpu += times.user + times.system
            total.memory += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total


def idle_cpu(pid: int) -> float:
    """Percent of one core."""
    before, began = usage(pid).cpu, time.monotonic()
    time.sleep(IDLE_SECONDS)
    return 100 * (usage(pid).cpu - before) / (time.monotonic() - began)


def generate(data_dir: DataDir, url: str, video: Path) -> tuple[float, float]:
    """Seconds of an `aura generate` of the default video, and of the job itself by the clock of the database."""
    began = time.monotonic()
    command = [sys.executable, "-m", "cli.main", "generate", PROMPT, "-o", str(video), "--json"]
    run = subprocess.run([*command, "--data-dir", str(data_dir.path)], stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.monotonic() - began
    with Client(url) as client:
        client.sign_in(LOCAL_EMAIL, data_dir.secrets["PASSWORD"])
        job = client.status(json.loads(run.stdout)["job_id"])
    if job.started_at is None or job.finished_at is None:
        raise ValueError(f"the job has not ended: {job.status}")
    return seconds, (job.finished_at - job.started_at).total_seconds()


def print_report(report: Report) -> Iterator[str]:
    """The lines of the table."""
    yield "CPU seconds of the imports of each process"
    for name, seconds in report.imports.items():
        yield f"  {name:<40} {seconds:5.1f}"
    yield "seconds after the start of `aura up`"
    for line, seconds in report.lines.items():
        yield f"  {line[:40]:<40} {seconds:5.1f}"
    yield f"until ready: {report.at_ready.cpu:.1f} CPU seconds; {report.at_ready.memory / 1e9:.2f} GB of memory"
    yield f"idle: {report.idle_cpu:.1f} % of a core"
    for seconds, job in report.jobs:
        yield f"`aura generate` of the default video: {seconds:.1f} s, of which the job {job:.1f} s"
    yield f"stop: {report.stop:.1f} s"
