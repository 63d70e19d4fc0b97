"""Copy standard input to a log file, rotated by size: `python -m cli.system.log_writer FILE MAX_BYTES`.

Each supervised process writes its output to a pipe, and one of these writers reads it. The writer is a process and not
a thread of `aura up`: if `aura up` is killed, its processes still write log lines while they shut down. The writer ends
at the end of the input, that is when no process has the pipe open any more, and therefore ignores SIGTERM and SIGINT.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

# Files that are kept: FILE and the older FILE.1 and FILE.2.
KEPT_FILES: Final = 3
_READ_BYTES: Final = 1 << 16


def copy(chunks: Iterable[bytes], path: Path, max_bytes: int) -> None:
    """Append the chunks to `path`, and rotate at the first line break after `max_bytes`.

    Output without line breaks is rotated at twice the size.
    """
    for chunk in chunks:
        # A full disk costs log lines. Ending here would cost the process that writes them: its pipe would break.
        with contextlib.suppress(OSError):
            size = file_size(path)
            if size < max_bytes:
                append(path, chunk)
                continue
            line_end, newline, rest = chunk.partition(b"\n")
            append(path, line_end + newline)
            if newline or size >= 2 * max_bytes:
                rotate(path)
                append(path, rest)


def file_size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def rotate(path: Path) -> None:
    """Rename FILE to FILE.1 and FILE.1 to FILE.2, and delete the previous FILE.2."""
    names = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, KEPT_FILES))]
    for newer, older in reversed([*pairwise(names)]):
        if newer.exists():
            newer.replace(older)


def read_chunks(descriptor: int) -> Iterator[bytes]:
    while chunk := os.read(descriptor, _READ_BYTES):
        yield chunk


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    copy(read_chunks(sys.stdin.fileno()), Path(sys.argv[1]), int(sys.argv[2]))


if __name__ == "__main__":
    main()
