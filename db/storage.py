"""Objects: finished files, previews and kept base clips, under keys like `jobs/{job_id}/{attempt}/video.mp4`."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from db.errors import BadKey
from db.settings import StorageSettings

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_MAX_KEY = 512
_CONTENT_TYPES = {
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
    """Where objects live. Every method may raise StorageUnavailable; nobody sees half an object."""

    async def put(self, key: str, data: bytes, content_type: str) -> None: ...

    async def get(self, key: str) -> bytes:
        """The object's bytes, or ObjectMissing."""

    async def size(self, key: str) -> int:
        """The object's size in bytes, or ObjectMissing."""

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""

    async def list(self, prefix: str) -> Listing: ...

    def url(self, key: str, *, expires_seconds: int, filename: str | None = None) -> str:
        """A link that anyone may follow until it expires; with a filename the browser saves under that name."""

    async def check(self) -> None:
        """Nothing, or StorageUnavailable."""


def check_key(key: str) -> str:
    """The key itself, or BadKey: no empty, hidden or climbing part."""
    if len(key) > _MAX_KEY or not _KEY.fullmatch(key):
        raise BadKey
    return key


def content_type(key: str) -> str:
    return _CONTENT_TYPES.get(key[key.rfind(".") :], "application/octet-stream")


def open_storage(settings: StorageSettings) -> Storage:
    """The storage that the settings name; nothing is touched or contacted yet."""
    if settings.STORAGE_DIR is not None:
        from db.storage_local import LocalStorage

        return LocalStorage(settings.STORAGE_DIR, settings.signing_key, settings.PUBLIC_URL)
    from db.storage_s3 import S3Storage

    return S3Storage(
        endpoint=settings.S3_ENDPOINT or "",
        public_endpoint=settings.S3_PUBLIC_ENDPOINT,
        access_key=settings.S3_ACCESS_KEY,
        secret_key=settings.S3_SECRET_KEY.get_secret_value(),
        bucket=settings.S3_BUCKET,
        region=settings.S3_REGION,
        secure=settings.S3_SECURE,
    )
