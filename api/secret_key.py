"""The secret key of a gateway in development mode without SECRET_KEY: random, and kept in a file."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

MIN_BYTES = 32
# `aaaa…` and `changeme…` have fewer different bytes; of random keys, fewer than one in a million have.
MIN_DISTINCT_BYTES = 8
# Keys that were published: in an earlier release, and in examples.
PUBLISHED = ("development only: everyone knows this key",)


def weakness(key: str) -> str | None:
    """Why a key must not be used, or None."""
    encoded = key.encode()
    if len(encoded) < MIN_BYTES:
        return f"must be set and have at least {MIN_BYTES} bytes (openssl rand -hex 32)"
    if len(set(encoded)) < MIN_DISTINCT_BYTES or key in PUBLISHED:
        return "is a default or a pattern that others can guess (openssl rand -hex 32)"
    return None


def kept_key(path: Path) -> str:
    """The key in this file, which is created if it does not exist. Of two processes that create it, one wins."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # readable by its owner only
            file.write(secrets.token_hex(MIN_BYTES))
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text().strip()
