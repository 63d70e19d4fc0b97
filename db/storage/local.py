"""Objects in a local directory. The gateway serves the signed links."""

import asyncio
import contextlib
import hashlib
import hmac
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from db.errors import ObjectMissing, StorageUnavailable
from db.storage.base import Listing, Stored, check_key

# Where objects are written before they are renamed; check_key refuses every key in it.
_UNFINISHED: Final = ".unfinished"
# No link is valid for longer, like those of S3.
_MAX_LINK_SECONDS: Final = 7 * 86_400
# The one spelling of a moment: `+1`, ` 1`, `01`, `1_0` and other digits are the same number to int().
_EXPIRES: Final = re.compile(r"[1-9][0-9]{0,11}")
# An unfinished file of this age is left over from a killed process.
_ABANDONED_SECONDS: Final = 3600


class LocalStorage:
    """Writes are atomic: a temporary file is written, synced and renamed."""

    def __init__(self, root: str | Path, signing_key: bytes, public_url: str = "") -> None:
        if len(signing_key) < 32:
            raise ValueError("the signing key must have at least 32 bytes")
        self.root = Path(root).absolute()
        self._signing_key = signing_key
        self._public_url = public_url.rstrip("/")

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        await asyncio.to_thread(self._put, check_key(key), data)

    async def get(self, key: str) -> bytes:
        return await asyncio.to_thread(_read, self.path(key))

    async def size(self, key: str) -> int:
        return (await self.stat(key)).st_size

    async def stat(self, key: str) -> os.stat_result:
        """Size and modification time, for the response headers. ObjectMissing if there is no object."""
        return await asyncio.to_thread(_stat, self.path(key))

    async def delete(self, keys: Iterable[str]) -> None:
        await asyncio.to_thread(self._delete, [self.root / check_key(key) for key in keys])

    async def list(self, prefix: str) -> Listing:
        return await asyncio.to_thread(self._list, prefix)

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    def path(self, key: str) -> Path:
        """The object's file, for the gateway to serve. ObjectMissing if there is no object."""
        path = self.root / check_key(key)
        if not path.is_file():
            raise ObjectMissing
        return path

    def url(self, key: str, *, expires_seconds: int, filename: str | None = None) -> str:
        expires = int(time.time()) + min(expires_seconds, _MAX_LINK_SECONDS)
        query = {"expires": str(expires), "signature": self._signature(check_key(key), expires, filename)}
        if filename is not None:
            query["filename"] = filename
        return f"{self._public_url}/api/files/{key}?{urlencode(query)}"

    def verify(self, key: str, expires: int | str, signature: str, filename: str | None = None) -> bool:
        """Whether the signature matches and the link has not expired."""
        if not _EXPIRES.fullmatch(str(expires)):
            return False
        seconds_left = int(expires) - time.time()
        expected = self._signature(key, int(expires), filename).encode()
        genuine = hmac.compare_digest(expected, signature.encode("utf-8", "replace"))
        return genuine and 0 < seconds_left <= _MAX_LINK_SECONDS

    def _signature(self, key: str, expires: int, filename: str | None) -> str:
        message = "\0".join((key, str(expires), "" if filename is None else f"={filename}"))
        return hmac.new(self._signing_key, message.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _put(self, key: str, data: bytes) -> None:
        unfinished = self.root / _UNFINISHED
        try:
            unfinished.mkdir(parents=True, exist_ok=True)
            _write_atomically(unfinished, self.root / key, data)
        except OSError as error:
            raise StorageUnavailable(f"The object could not be written: {error.strerror}") from error

    def _delete(self, paths: Iterable[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not empty yet
                path.parent.rmdir()

    def _list(self, prefix: str) -> Listing:
        try:
            return sorted(self._walk(prefix))
        except OSError as error:
            raise StorageUnavailable(f"The objects could not be listed: {error.strerror}") from error

    def _walk(self, prefix: str) -> Iterator[Stored]:
        """Skips files and directories that are deleted during the walk."""
        for directory, _, names in os.walk(self.root / prefix.rpartition("/")[0], onerror=_raise_unless_missing):
            for path in (Path(directory, name) for name in names):
                key = path.relative_to(self.root).as_posix()
                if key.startswith(prefix) and not key.startswith(_UNFINISHED):
                    with contextlib.suppress(FileNotFoundError):
                        found = path.stat()
                        yield Stored(key, datetime.fromtimestamp(found.st_mtime, UTC), found.st_size)

    def _check(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root) as probe:
                probe.write(b"probe")
            for file in (self.root / _UNFINISHED).glob("*"):
                with contextlib.suppress(FileNotFoundError):  # renamed by its writer just now
                    if time.time() - file.stat().st_mtime > _ABANDONED_SECONDS:
                        file.unlink()
        except OSError as error:
            raise StorageUnavailable(f"The storage directory cannot be written: {error.strerror}") from error


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissing from error
    except OSError as error:
        raise StorageUnavailable(f"The object could not be read: {error.strerror}") from error


def _read(path: Path) -> bytes:
    with _translate_errors():
        return path.read_bytes()


def _stat(path: Path) -> os.stat_result:
    with _translate_errors():
        return path.stat()


def _rename(name: str, target: Path) -> None:
    """Repeats if a concurrent delete removes the empty directory before the rename."""
    while True:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(name, target)
            return
        except FileNotFoundError:
            if not os.path.exists(name):
                raise


def _write_atomically(unfinished: Path, target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=unfinished)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _rename(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # makes the new name durable
    finally:
        os.close(directory)
