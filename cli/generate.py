"""`aura generate`: submit a job to a running or a temporary AuraAnim, wait for the video and download it."""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from cli.client import TERMINAL_STATES, Client, Json
from cli.progress_bars import ProgressBars
from cli.system.data_dir import LOCAL_EMAIL, DataDir
from cli.system.startup import wait_for_start
from cli.system.temporary import shared_gateway

# Exit status of a command that SIGINT has ended, by the convention of shells.
EXIT_INTERRUPTED: Final = 130
CANCEL_TIMEOUT_SECONDS: Final = 30
SHOWN_FIELDS: Final = ("width", "height", "fps", "frames", "duration", "size_bytes", "sha256")


class GenerateFailed(Exception):
    """There is no video; the message is the reason."""


def open_gateway(api: str | None, data_dir: Path, console: Console) -> AbstractContextManager[str]:
    """The URL of the gateway: `api` if given, else the running one of the data directory, else a temporary one."""
    return nullcontext(api) if api else shared_gateway(DataDir(data_dir), partial(console.print, highlight=False))


def start_display(api: str | None, data_dir: Path, console: Console) -> Callable[[], None]:
    """A function that shows what a system that starts is waiting for; of a remote system it shows nothing."""
    return (lambda: None) if api else partial(wait_for_start, DataDir(data_dir), console)


def sign_in(client: Client, api: str | None, data_dir: Path) -> None:
    """Sign in as AURA_EMAIL with AURA_PASSWORD, or else as the local user of the data directory."""
    email, password = os.environ.get("AURA_EMAIL"), os.environ.get("AURA_PASSWORD")
    if email and password:
        client.sign_in(email, password)
    elif api:
        raise GenerateFailed("set AURA_EMAIL and AURA_PASSWORD to sign in to a remote gateway")
    else:
        client.sign_in(LOCAL_EMAIL, DataDir(data_dir).secrets["PASSWORD"], register=True)


def generate(client: Client, spec: Json, file: Path, console: Console, wait_for_start: Callable[[], None]) -> Json:
    """Submit the job, wait for it and download the video. KeyboardInterrupt cancels the job first.

    The job waits in the queue while `wait_for_start` shows how the system starts.
    """
    job_id = client.generate(spec)
    try:
        wait_for_start()
        job = _wait(client, job_id, console)
    except KeyboardInterrupt:
        console.print("canceling")
        _cancel(client, job_id)
        raise
    if job["status"] != "succeeded":
        raise GenerateFailed((job.get("error") or {}).get("message") or f"the job was {job['status']}")
    return _download(client, job_id, file)


def _wait(client: Client, job_id: str, console: Console) -> Json:
    """The job in its terminal state."""
    job: Json = {}
    with ProgressBars(console) as bars:
        for job in client.follow(job_id):
            bars.update(job)
    return job


def _cancel(client: Client, job_id: str) -> None:
    client.cancel(job_id)
    deadline = time.monotonic() + CANCEL_TIMEOUT_SECONDS
    while time.monotonic() < deadline and client.status(job_id)["status"] not in TERMINAL_STATES:
        time.sleep(0.2)


def _download(client: Client, job_id: str, file: Path) -> Json:
    result = client.result(job_id)
    video = next(output for output in result["outputs"] if output["kind"] == "video")
    client.download(video, file)
    return {
        "path": str(file),
        "job_id": job_id,
        **{name: video[name] for name in SHOWN_FIELDS},
        "resolved": result["resolved"],
        "warnings": result["warnings"],
    }


def print_outcome(outcome: Json, console: Console, *, as_json: bool) -> None:
    """Print the path and the properties of the video, and the warnings of the job."""
    if as_json:
        sys.stdout.write(json.dumps(outcome) + "\n")
        return
    for warning in outcome["warnings"]:
        console.print(f"note: {warning}", highlight=False, soft_wrap=True)
    console.print(
        f"{outcome['path']}: {outcome['width']}x{outcome['height']}, {outcome['frames']} frames at "
        f"{outcome['fps']:g} fps, {outcome['size_bytes'] / 1000:.0f} kB, seed {outcome['resolved']['seed']}",
        highlight=False,
        soft_wrap=True,
    )
