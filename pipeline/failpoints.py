"""Points in the code at which a test can stop a process: `await failpoint("before-publish")`.

AURA_FAILPOINTS names a folder; without it a failpoint does nothing. While `<name>.stop` exists in the folder, a process
that arrives at the failpoint creates `<name>.reached.<pid>` and waits until `<name>.stop` is removed.
"""

import asyncio
import os
from pathlib import Path
from typing import Final

CHECK_SECONDS: Final = 0.02


async def failpoint(name: str) -> None:
    """Wait while a test holds this failpoint."""
    folder = os.environ.get("AURA_FAILPOINTS")
    if not folder:
        return
    stop, reached = Path(folder, f"{name}.stop"), Path(folder, f"{name}.reached.{os.getpid()}")
    while stop.exists():  # noqa: ASYNC110  (another process removes the file)
        reached.touch()
        await asyncio.sleep(CHECK_SECONDS)
