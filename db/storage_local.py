"""Objects in a local folder; the gateway serves the signed links."""

import asyncio
import contextlib
import hashlib
import hmac
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from db.errors import ObjectMissing, StorageUnavailable
from db.storage import Listing, Stored, check_key

_UNFINISHED = ".unfinished"  # no key can name it
_ABANDONED_SECONDS = 3600  # by a writer that was killed


class LocalStorage:
    """A folder. An object appears whole or not at all: it is written aside and renamed."""

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
        """What the gateway tells of an object before it serves it; ObjectMissing when there is none."""
        return await asyncio.to_thread(_stat, self.path(key))

    async def delete(self, keys: Iterable[str]) -> None:
        await asyncio.to_thread(self._delete, [self.root / check_key(key) for key in keys])

    async def list(self, prefix: str) -> Listing:
        return await asyncio.to_thread(self._list, prefix)

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    def path(self, key: str) -> Path:
        """Where an object lies, for the gateway to serve; ObjectMissing when there is none."""
        path = self.root / check_key(key)
        if not path.is_file():
            raise ObjectMissing
        return path

    def url(self, key: str, *, expires_seconds: int, filename: str | None = None) -> str:
        expires = int(time.time()) + expires_seconds
        query = {"expires": str(expires), "signature": self._signature(check_key(key), expires, filename)}
        if filename is not None:
            query["filename"] = filename
        return f"{self._public_url}/api/files/{key}?{urlencode(query)}"

    def verify(self, key: str, expires: int | str, signature: str, filename: str | None = None) -> bool:
        """Whether a link is ours, unchanged and still good."""
        try:
            until = int(expires)
        except ValueError:
            return False
        expected = self._signature(key, until, filename).encode()
        return hmac.compare_digest(expected, signature.encode("utf-8", "replace")) and time.time() < until

    def _signature(self, key: str, expires: int, filename: str | None) -> str:
        message = "\0".join((key, str(expires), "" if filename is None else f"={filename}"))
        return hmac.new(self._signing_key, message.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _put(self, key: str, data: bytes) -> None:
        aside = self.root / _UNFINISHED
        target = self.root / key
        try:
            aside.mkdir(parents=True, exist_ok=True)
            _write_whole(aside, target, data)
        except OSError as error:
            raise StorageUnavailable(f"The object could not be written: {error.strerror}") from error

    def _delete(self, paths: Iterable[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # the folder of one attempt, once it is empty
                path.parent.rmdir()

    def _list(self, prefix: str) -> Listing:
        try:
            return sorted(self._walk(prefix))
        except OSError as error:
            raise StorageUnavailable(f"The objects could not be listed: {error.strerror}") from error

    def _walk(self, prefix: str) -> Iterator[Stored]:
        """What goes while we look, a file or a whole folder, is left out."""
        for folder, _, names in os.walk(self.root / prefix.rpartition("/")[0], onerror=_unless_gone):
            for path in (Path(folder, name) for name in names):
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
            for left in (self.root / _UNFINISHED).glob("*"):
                with contextlib.suppress(FileNotFoundError):  # its writer has just finished
                    if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                        left.unlink()
        except OSError as error:
            raise StorageUnavailable(f"The storage folder cannot be written: {error.strerror}") from error


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissing from error
    except OSError as error:
        raise StorageUnavailable(f"The object could not be read: {error.strerror}") from error


def _read(path: Path) -> bytes:
    with _reading():
        return path.read_bytes()


def _stat(path: Path) -> os.stat_result:
    with _reading():
        return path.stat()


def _move(name: str, target: Path) -> None:
    while True:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(name, target)
            return
        except FileNotFoundError:  # a delete may remove the empty folder under our feet
            if not os.path.exists(name):
                raise


def _write_whole(aside: Path, target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=aside)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _move(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # the name survives a power cut too
    finally:
        os.close(directory)
