"""The temporary system of `aura generate`: `python -m cli.system DATA_DIR PORT`. As `aura up`, with fewer imports."""

import os
import sys
from pathlib import Path

from cli.system.address import StartFailed
from cli.system.data_dir import EXIT_ALREADY_RUNNING, AlreadyRunning, DataDir
from cli.system.up import System


def main(data_dir: Path, port: int) -> int:
    """The exit status. An error is one line, the last one of the output."""
    try:
        System(DataDir(data_dir), host="127.0.0.1", port=port, echo=lambda line: print(line, flush=True)).run()  # noqa: T201
    except (AlreadyRunning, StartFailed, OSError) as error:
        sys.stdout.flush()
        sys.stderr.write(f"aura: {error}\n")
        return EXIT_ALREADY_RUNNING if isinstance(error, AlreadyRunning) else os.EX_UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
