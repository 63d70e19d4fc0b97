"""The progress display."""

import io

from cli.client import Job
from cli.console import plain_console
from cli.progress_bars import ProgressBars


def test_messages_of_the_gateway_are_not_parsed_as_markup() -> None:
    progress = {"stage": "generate", "message": "[/x] :cat: [red]", "stages": [{"name": "generate", "value": 0.5}]}
    for terminal in (False, True):
        screen = io.StringIO()
        with ProgressBars(plain_console(file=screen, force_terminal=terminal, width=200)) as bars:
            bars.update(Job.model_validate({"job_id": "1", "status": "running", "progress": progress}))
        assert "[/x] :cat: [red]" in screen.getvalue()
