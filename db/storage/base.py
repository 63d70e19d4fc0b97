"""Objects: finished files, previews and base clips, with keys like `jobs/{job_id}/{attempt}/video.mp4`."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from db.errors import BadKey

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_MAX_KEY: Final = 512
_CONTENT_TYPES: Final = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".png": "image/png",
    ".mkv": "video/x-matroska",
    ".json": "application/json",
}


class Stored(NamedTuple):
    key: str
    modified_at: datetime
    size: int


Listing = list[Stored]


class Storage(Protocol):
    """An object store. Every method may raise StorageUnavailable. Writes are atomic."""

    async def put(self, key: str, data: bytes, content_type: str) -> None: ...

    async def get(self, key: str) -> bytes:
        """The object's bytes, or ObjectMissing."""

    async def size(self, key: str) -> int:
        """The object's size in bytes, or ObjectMissing."""

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects. A missing object is no error."""

    async def list(self, prefix: str) -> Listing: ...

    def url(self, key: str, *, expires_seconds: int, filename: str | None = None) -> str:
        """A signed link that works without authentication until it expires; `filename` is the name of the download."""

    async def check(self) -> None:
        """Raises StorageUnavailable if the store does not work."""


def check_key(key: str) -> str:
    """The key itself. BadKey if a part is empty or starts with a dot."""
    if len(key) > _MAX_KEY or not _KEY.fullmatch(key):
        raise BadKey
    return key


def content_type(key: str) -> str:
    return _CONTENT_TYPES.get(key[key.rfind(".") :], "application/octet-stream")
