"""What is shown while a job runs."""

import io

from cli.bars import Bars
from cli.main import plain


def test_what_the_gateway_says_is_shown_as_it_is() -> None:
    progress = {"stage": "generate", "message": "[/x] :cat: [red]", "stages": [{"name": "generate", "value": 0.5}]}
    for terminal in (False, True):
        screen = io.StringIO()
        with Bars(plain(file=screen, force_terminal=terminal, width=200)) as bars:
            bars.show({"status": "running", "progress": progress})
        assert "[/x] :cat: [red]" in screen.getvalue()
