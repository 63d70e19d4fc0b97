"""What the terminal of `aura generate` shows while the system starts."""

import time
from typing import Final

from rich.console import Console

from cli.system.data_dir import STOPPING, DataDir

POLL_SECONDS: Final = 0.05


def wait_for_start(data_dir: DataDir, console: Console) -> None:
    """Show what the system waits for until it is ready, or is no longer starting.

    A line for each change, or on a terminal one line that changes and counts the seconds.
    """
    began = time.monotonic()
    printed = ""
    with console.status("") as spinner:
        while (status := data_dir.status) not in (None, "", STOPPING) and data_dir.is_locked:
            if console.is_terminal:
                spinner.update(f"{status}, {time.monotonic() - began:.0f} s")
            elif status != printed:
                printed = str(status)
                console.print(printed, highlight=False)
            time.sleep(POLL_SECONDS)
