"""Places where a test can hold a process still: `await reach("before-publish")`.

Without AURA_FAILPOINTS in the environment nothing happens. With it, it names a folder: while `<name>.stop` lies there,
a process that reaches the place says so with `<name>.reached.<pid>` and waits until the file is gone.
"""

import asyncio
import os
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 0.02


async def reach(name: str) -> None:
    if folder := os.environ.get("AURA_FAILPOINTS"):
        while held(Path(folder), name):  # noqa: ASYNC110  (another process removes the file)
            await asyncio.sleep(LOOK_SECONDS)


def held(folder: Path, name: str) -> bool:
    """Whether to wait here; says that somebody does."""
    stop = (folder / f"{name}.stop").exists()
    if stop:
        (folder / f"{name}.reached.{os.getpid()}").touch()
    return stop
