"""The progress display of `aura generate`: a bar per stage, the queue position and the estimated time left."""

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from cli.client import Job
from cli.client.models import StageProgress
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

    def update(self, job: Job) -> None:
        line = status_line(job)
        for stage in job.progress.stages:
            note = line if stage.name == job.progress.stage else stage_note(stage)
            if stage.name in self._tasks:  # a newer gateway may have other stages
                self._progress.update(self._tasks[stage.name], completed=stage.value, note=note)
        if not self._console.is_terminal and line != self._last_line:
            self._console.print(line, highlight=False)
        self._last_line = line


def status_line(job: Job) -> str:
    """The status of a job in one line."""
    if job.status == "queued":
        return "queued" if job.queue_position is None else f"queued at position {job.queue_position}"
    parts = [job.progress.message or job.status]
    if job.eta_seconds is not None and job.status == "running":
        parts.append(f"about {job.eta_seconds:.0f} s left")
    return ", ".join(parts)


def stage_note(stage: StageProgress) -> str:
    """The note beside the bar of a stage that is not the current one."""
    if stage.status == "skipped":
        return "skipped"
    return "" if stage.duration_ms is None else f"{stage.duration_ms / 1000:.1f} s"
