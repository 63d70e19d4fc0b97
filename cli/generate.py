"""`aura generate`: one video, from the command line to a file, through a running AuraAnim or a temporary one."""

import json
import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from cli.bars import Bars
from cli.client import ENDED, Client
from cli.home import LOCAL_EMAIL, Home
from cli.temporary import gateway

Json = dict[str, Any]

CANCEL_SECONDS: Final = 30
INTERRUPTED: Final = 130


class Failed(Exception):
    """The job ended without a video."""


def system(api: str | None, data_dir: Path, console: Console) -> AbstractContextManager[str]:
    """The address of a gateway: the one named, the one that runs here, or a temporary one for the time of this call."""
    say = partial(console.print, highlight=False)
    return nullcontext(api) if api else gateway(Home(data_dir), say)


def sign_in(client: Client, api: str | None, data_dir: Path) -> None:
    """As the local user of this data directory, or as AURA_EMAIL with AURA_PASSWORD."""
    email, password = os.environ.get("AURA_EMAIL"), os.environ.get("AURA_PASSWORD")
    if email and password:
        client.sign_in(email, password)
    elif api:
        raise Failed("set AURA_EMAIL and AURA_PASSWORD to sign in at another AuraAnim")
    else:
        client.sign_in(LOCAL_EMAIL, Home(data_dir).secrets["PASSWORD"], register=True)


def generate(client: Client, spec: Json, file: Path, console: Console) -> Json:
    """Queue, wait, fetch. Ctrl-C cancels the job before it leaves."""
    job_id = client.generate(spec)
    try:
        with Bars(console) as bars:
            job = _follow(client, job_id, bars)
    except KeyboardInterrupt:
        console.print("canceling")
        _cancel(client, job_id)
        raise
    if job["status"] != "succeeded":
        raise Failed((job.get("error") or {}).get("message") or f"the job was {job['status']}")
    return _fetch(client, job_id, file)


def _follow(client: Client, job_id: str, bars: Bars) -> Json:
    job: Json = {}
    for job in client.follow(job_id):
        bars.show(job)
    return job


def _cancel(client: Client, job_id: str) -> None:
    client.cancel(job_id)
    end = time.monotonic() + CANCEL_SECONDS
    while time.monotonic() < end and client.status(job_id)["status"] not in ENDED:
        time.sleep(0.2)


def _fetch(client: Client, job_id: str, file: Path) -> Json:
    result = client.result(job_id)
    video = next(output for output in result["outputs"] if output["kind"] == "video")
    client.download(video, file)
    shown = {name: video[name] for name in ("width", "height", "fps", "frames", "duration", "size_bytes", "sha256")}
    return {
        "path": str(file),
        "job_id": job_id,
        **shown,
        "resolved": result["resolved"],
        "warnings": result["warnings"],
    }


def tell(outcome: Json, console: Console, *, as_json: bool) -> None:
    """The last line: where the video is and what it is."""
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
