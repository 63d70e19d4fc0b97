"""Submit a job to a running or a temporary AuraAnim, wait for the video and download it."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from cli.client import Client, Job, Json
from cli.console import print_json
from cli.gateway import CommandFailed
from cli.progress_bars import ProgressBars
from cli.system.data_dir import DataDir
from cli.system.startup import wait_for_start

CANCEL_TIMEOUT_SECONDS: Final = 30
SHOWN_FIELDS: Final = ("width", "height", "fps", "frames", "duration", "size_bytes", "sha256")


def start_display(api: str | None, data_dir: Path, console: Console) -> Callable[[], None]:
    """A function that shows what a system that starts is waiting for; of a remote system it shows nothing."""
    return (lambda: None) if api else partial(wait_for_start, DataDir(data_dir), console)


def generate(client: Client, spec: Json, file: Path, console: Console, wait_for_start: Callable[[], None]) -> Json:
    """Submit the job, wait for it and download the video. KeyboardInterrupt cancels the job first.

    The job waits in the queue while `wait_for_start` shows how the system starts.
    """
    return finished(client, client.generate(spec), file, console, wait_for_start)


def finished(
    client: Client, job_id: str, file: Path, console: Console, wait_for_start: Callable[[], None] = lambda: None
) -> Json:
    """Wait for a submitted job and download its video. KeyboardInterrupt cancels the job first."""
    try:
        wait_for_start()
        wait(client, job_id, console)
    except KeyboardInterrupt:
        console.print("canceling")
        _cancel(client, job_id)
        raise
    return download(client, job_id, file)


def wait(client: Client, job_id: str, console: Console) -> Job:
    """The succeeded job. CommandFailed if it ends in another state."""
    with ProgressBars(console) as bars:
        for job in client.follow(job_id):
            bars.update(job)
    return require_success(job)


def require_success(job: Job) -> Job:
    if job.status != "succeeded":
        raise CommandFailed(job.error.message if job.error else f"the job was {job.status}")
    return job


def _cancel(client: Client, job_id: str) -> None:
    client.cancel(job_id)
    deadline = time.monotonic() + CANCEL_TIMEOUT_SECONDS
    while time.monotonic() < deadline and not client.status(job_id).is_terminal:
        time.sleep(0.2)


def download(client: Client, job_id: str, file: Path) -> Json:
    """Download the video of a succeeded job; its path and properties."""
    result = client.result(job_id)
    video = result.video
    client.download(video.url, file, video.sha256)
    return {
        "path": str(file),
        "job_id": job_id,
        **{name: getattr(video, name) for name in SHOWN_FIELDS},
        "resolved": result.resolved,
        "warnings": result.warnings,
    }


def print_outcome(outcome: Json, console: Console, *, as_json: bool) -> None:
    """Print the path and the properties of the video, and the warnings of the job."""
    if as_json:
        print_json(outcome)
        return
    for warning in outcome["warnings"]:
        console.print(f"note: {warning}", highlight=False, soft_wrap=True)
    console.print(
        f"{outcome['path']}: {outcome['width']}x{outcome['height']}, {outcome['frames']} frames at "
        f"{outcome['fps']:g} fps, {outcome['size_bytes'] / 1000:.0f} kB, seed {outcome['resolved']['seed']}",
        highlight=False,
        soft_wrap=True,
    )
