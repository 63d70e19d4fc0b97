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
    folder = os.environ.get("AURA_FAILPOINTS")
    if folder is None:
        return
    stop = Path(folder, f"{name}.stop")
    if stop.exists():
        Path(folder, f"{name}.reached.{os.getpid()}").touch()
    while stop.exists():
        await asyncio.sleep(LOOK_SECONDS)
