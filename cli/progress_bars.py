"""The progress display of `aura generate`: a bar per stage, the queue position and the estimated time left."""

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from cli.client import Json
from pipeline.contract.progress import Stage


class ProgressBars:
    """Animated bars on a terminal; otherwise one line whenever the status changes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=40),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._last_line = ""

    def __enter__(self) -> Self:
        self._progress.start()
        for stage in Stage:
            self._tasks[stage] = self._progress.add_task(stage, total=1.0, note="")
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, job: Json) -> None:
        progress = job.get("progress") or {}
        line = status_line(job)
        for stage in progress.get("stages", []):
            is_current = stage["name"] == progress.get("stage")
            note = line if is_current else stage_note(stage)
            self._progress.update(self._tasks[stage["name"]], completed=stage["value"], note=note)
        if not self._console.is_terminal and line != self._last_line:
            self._console.print(line, highlight=False)
        self._last_line = line


def status_line(job: Json) -> str:
    """The status of a job in one line."""
    if job["status"] == "queued":
        position = job.get("queue_position")
        return "queued" if position is None else f"queued at position {position}"
    progress = job.get("progress") or {}
    parts = [str(progress.get("message") or job["status"])]
    if (left := job.get("eta_seconds")) is not None and job["status"] == "running":
        parts.append(f"about {left:.0f} s left")
    return ", ".join(parts)


def stage_note(stage: Json) -> str:
    """The note beside the bar of a stage that is not the current one."""
    if stage["status"] == "skipped":
        return "skipped"
    milliseconds = stage.get("duration_ms")
    return "" if milliseconds is None else f"{milliseconds / 1000:.1f} s"
