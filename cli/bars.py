"""What `aura generate` shows while it waits: a bar for each stage, the place in the queue, the time that is left."""

from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from pipeline.spec import Stage

Json = dict[str, Any]


class Bars:
    """On a terminal the bars move; elsewhere one line is written whenever the stage or the state changes."""

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
        self._line = ""

    def __enter__(self) -> Self:
        self._progress.start()
        for stage in Stage:
            self._tasks[stage] = self._progress.add_task(stage, total=1.0, note="")
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, job: Json) -> None:
        progress = job.get("progress") or {}
        note = headline(job)
        for stage in progress.get("stages", []):
            current = stage["name"] == progress.get("stage")
            self._progress.update(
                self._tasks[stage["name"]], completed=stage["value"], note=note if current else _aside(stage)
            )
        if not self._console.is_terminal and note != self._line:
            self._console.print(note, highlight=False)
        self._line = note


def headline(job: Json) -> str:
    """One line that says where a job is."""
    if job["status"] == "queued":
        position = job.get("queue_position")
        return "queued" if position is None else f"queued: number {position} in line"
    progress = job.get("progress") or {}
    parts = [str(progress.get("message") or job["status"])]
    if (left := job.get("eta_seconds")) is not None and job["status"] == "running":
        parts.append(f"about {left:.0f} s left")
    return ", ".join(parts)


def _aside(stage: Json) -> str:
    if stage["status"] == "skipped":
        return "not needed"
    milliseconds = stage.get("duration_ms")
    return "" if milliseconds is None else f"{milliseconds / 1000:.1f} s"
