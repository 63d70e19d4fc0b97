"""Objects in a local directory: signed links, atomic writes, concurrent processes."""

import asyncio
import os
import stat
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from db.errors import ObjectMissing, StorageUnavailable
from db.storage.local import LocalStorage

VIDEO = "jobs/a/1/video.mp4"


def parts(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_links_are_valid_until_they_expire(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    url = storage.url(VIDEO, expires_seconds=60)
    assert url.startswith(f"/api/files/{VIDEO}?")
    assert storage.verify(VIDEO, **parts(url))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert not storage.verify(VIDEO, **parts(url))


SPELLINGS = [
    "+{}",
    " {}",
    "{} ",
    "0{}",
    "{}.0",
    "{}\n",
    "-{}",
    "1_{}",
    "0x{}",
    "{}e0",
    "",
    "\u200b{}",
    "{}{}",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_moment_has_one_spelling(storage: LocalStorage, spelling: str) -> None:
    good = parts(storage.url(VIDEO, expires_seconds=60))
    assert not storage.verify(VIDEO, spelling.format(*[good["expires"]] * 2), good["signature"])


def test_other_digits_and_underscores_are_refused(storage: LocalStorage) -> None:
    good = parts(storage.url(VIDEO, expires_seconds=60))
    expires = good["expires"]
    arabic = "".join(chr(0x0660 + int(digit)) for digit in expires)
    fullwidth = "".join(chr(0xFF10 + int(digit)) for digit in expires)
    assert int(arabic) == int(fullwidth) == int(f"{expires[0]}_{expires[1:]}") == int(expires)
    for spelled in (arabic, fullwidth, f"{expires[0]}_{expires[1:]}", "9" * 5000):
        assert not storage.verify(VIDEO, spelled, good["signature"])
    assert not storage.verify(VIDEO, expires, good["signature"].upper())


def test_no_link_is_valid_for_more_than_a_week(storage: LocalStorage) -> None:
    week = 7 * 86_400
    longest = parts(storage.url(VIDEO, expires_seconds=100 * week))
    assert int(longest["expires"]) <= time.time() + week
    assert storage.verify(VIDEO, **longest)
    later = int(time.time()) + week + 60
    assert not storage.verify(VIDEO, later, storage._signature(VIDEO, later, None))


def test_changed_links_are_refused(storage: LocalStorage) -> None:
    good = parts(storage.url(VIDEO, expires_seconds=60, filename="my video.mp4"))
    assert good["filename"] == "my video.mp4"
    assert storage.verify(VIDEO, **good)
    assert not storage.verify("jobs/b/1/video.mp4", **good)
    flipped = good["signature"][:-1] + ("0" if good["signature"][-1] != "0" else "1")
    for change in ({"expires": str(int(good["expires"]) + 1)}, {"expires": "soon"}, {"filename": "x.exe"},
                   {"signature": flipped}, {"signature": "ä"}, {"signature": ""}):  # fmt: skip
        assert not storage.verify(VIDEO, **{**good, **change})
    assert not storage.verify(VIDEO, good["expires"], good["signature"])
    assert not LocalStorage(storage.root, b"x" * 32).verify(VIDEO, **good)


def test_links_begin_with_the_public_url() -> None:
    assert LocalStorage("/nowhere", b"k" * 32, "https://aura.example/").url(VIDEO, expires_seconds=1).startswith(
        f"https://aura.example/api/files/{VIDEO}?"
    )  # fmt: skip


def test_a_short_signing_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        LocalStorage("/nowhere", b"short")


async def test_a_reader_never_reads_part_of_an_object(storage: LocalStorage) -> None:
    contents = {bytes([n]) * 300_000 for n in range(8)}
    seen, stop = set(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add((storage.root / VIDEO).read_bytes())

    await storage.put(VIDEO, bytes(300_000), "video/mp4")
    reading = asyncio.create_task(asyncio.to_thread(read))
    for data in sorted(contents):
        await storage.put(VIDEO, data, "video/mp4")
    stop.set()
    await reading
    assert seen <= contents
    assert list((storage.root / ".unfinished").iterdir()) == []


async def test_a_failed_write_leaves_no_file(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageUnavailable, match="No space left"):
        await storage.put(VIDEO, b"x", "video/mp4")
    assert await storage.list("") == []
    assert list((storage.root / ".unfinished").iterdir()) == []


async def test_files_of_a_killed_writer_are_deleted(storage: LocalStorage) -> None:
    await storage.put(VIDEO, b"x", "video/mp4")
    old, young = storage.root / ".unfinished" / "old", storage.root / ".unfinished" / "young"
    for file, age in ((old, 7200), (young, 0)):
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    await storage.check()
    assert (old.exists(), young.exists()) == (False, True)


async def test_empty_directories_are_deleted(storage: LocalStorage) -> None:
    await storage.put(VIDEO, b"x", "video/mp4")
    await storage.delete([VIDEO])
    assert not (storage.root / "jobs/a/1").exists()


async def test_a_directory_that_cannot_be_created_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = LocalStorage(tmp_path / "file" / "objects", b"k" * 32)
    with pytest.raises(StorageUnavailable):
        await store.check()
    with pytest.raises(StorageUnavailable):
        await store.put(VIDEO, b"", "video/mp4")


async def test_an_object_has_a_path_to_a_regular_file(storage: LocalStorage) -> None:
    await storage.put(VIDEO, b"x", "video/mp4")
    assert stat.S_ISREG(storage.path(VIDEO).stat().st_mode)
    with pytest.raises(ObjectMissing):
        storage.path("jobs/a")


def delete_before_stat(monkeypatch: pytest.MonkeyPatch, deleted: Path) -> None:
    """Delete a file right before its size or age is read."""
    original = Path.stat

    def stat_(path: Path, **options: bool) -> os.stat_result:
        if path == deleted:
            path.unlink(missing_ok=True)
        return original(path, **options)

    monkeypatch.setattr(Path, "stat", stat_)


async def test_an_unfinished_file_may_be_deleted_during_the_check(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.put(VIDEO, b"x", "video/mp4")
    unfinished = storage.root / ".unfinished" / "name"
    unfinished.touch()
    delete_before_stat(monkeypatch, unfinished)
    await storage.check()
    assert not unfinished.exists()


async def test_objects_deleted_during_a_listing_are_not_listed(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        await storage.put(f"jobs/{n}/1/video.mp4", b"x", "video/mp4")
    original = os.scandir

    def scandir(directory: Any) -> Any:
        if str(directory).endswith("jobs/0"):
            (storage.root / "jobs/0/1/video.mp4").unlink(missing_ok=True)
            (storage.root / "jobs/0/1").rmdir()
            (storage.root / "jobs/0").rmdir()
        return original(directory)

    monkeypatch.setattr(os, "scandir", scandir)
    delete_before_stat(monkeypatch, storage.root / "jobs/1/1/video.mp4")
    assert [found.key for found in await storage.list("jobs/")] == ["jobs/2/1/video.mp4"]


async def test_a_directory_that_cannot_be_listed_is_unavailable(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "scandir", broken)
    with pytest.raises(StorageUnavailable, match="Input/output"):
        await storage.list("")


async def test_the_size_of_an_object_deleted_meanwhile_is_missing(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.put(VIDEO, b"x", "video/mp4")
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    delete_before_stat(monkeypatch, storage.path(VIDEO))
    with pytest.raises(ObjectMissing):
        await storage.size(VIDEO)


async def test_a_write_whose_temporary_file_was_deleted_fails(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, tries = os.replace, []

    def replace(name: str, target: Path) -> None:
        tries.append(name)
        Path(name).unlink(missing_ok=True)
        if len(tries) < 5:  # ends an endless loop
            original(name, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(StorageUnavailable, match="could not be written"):
        await storage.put(VIDEO, b"x", "video/mp4")
    assert len(tries) == 1


async def test_a_directory_deleted_before_the_rename_is_created_again(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, tries = os.replace, []

    def replace(name: str, target: Path) -> None:
        tries.append(name)
        if len(tries) == 1:
            target.parent.rmdir()
        original(name, target)

    monkeypatch.setattr(os, "replace", replace)
    await storage.put(VIDEO, b"x", "video/mp4")
    assert await storage.get(VIDEO) == b"x"
