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
    while _is_held(Path(folder), name):  # noqa: ASYNC110  (another process removes the file)
        await asyncio.sleep(CHECK_SECONDS)


def _is_held(folder: Path, name: str) -> bool:
    """Whether a test holds the failpoint; if so, this process is recorded as having arrived."""
    held = (folder / f"{name}.stop").exists()
    if held:
        (folder / f"{name}.reached.{os.getpid()}").touch()
    return held
