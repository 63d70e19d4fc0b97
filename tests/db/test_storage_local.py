"""Objects in a local folder: signed links, whole objects, and others at work in the same folder."""

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
from db.storage_local import LocalStorage

VIDEO = "jobs/a/1/video.mp4"


def parts(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_local_links_are_good_until_they_expire(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    url = storage.url(VIDEO, expires_seconds=60)
    assert url.startswith(f"/api/files/{VIDEO}?")
    assert storage.verify(VIDEO, **parts(url))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert not storage.verify(VIDEO, **parts(url))


def test_local_links_cannot_be_changed(storage: LocalStorage) -> None:
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


def test_a_link_names_the_public_address() -> None:
    assert LocalStorage("/nowhere", b"k" * 32, "https://aura.example/").url(VIDEO, expires_seconds=1).startswith(
        f"https://aura.example/api/files/{VIDEO}?"
    )  # fmt: skip


def test_a_short_signing_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        LocalStorage("/nowhere", b"short")


async def test_a_reader_never_sees_half_an_object(storage: LocalStorage) -> None:
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


async def test_a_full_disk_leaves_nothing_behind(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageUnavailable, match="No space left"):
        await storage.put(VIDEO, b"x", "video/mp4")
    assert await storage.list("") == []
    assert list((storage.root / ".unfinished").iterdir()) == []


async def test_what_a_killed_writer_left_behind_goes(storage: LocalStorage) -> None:
    await storage.put(VIDEO, b"x", "video/mp4")
    old, young = storage.root / ".unfinished" / "old", storage.root / ".unfinished" / "young"
    for file, age in ((old, 7200), (young, 0)):
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    await storage.check()
    assert (old.exists(), young.exists()) == (False, True)


async def test_emptied_folders_go(storage: LocalStorage) -> None:
    await storage.put(VIDEO, b"x", "video/mp4")
    await storage.delete([VIDEO])
    assert not (storage.root / "jobs/a/1").exists()


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = LocalStorage(tmp_path / "file" / "objects", b"k" * 32)
    with pytest.raises(StorageUnavailable):
        await store.check()
    with pytest.raises(StorageUnavailable):
        await store.put(VIDEO, b"", "video/mp4")


async def test_stored_files_can_be_read_by_the_gateway(storage: LocalStorage) -> None:
    await storage.put(VIDEO, b"x", "video/mp4")
    assert stat.S_ISREG(storage.path(VIDEO).stat().st_mode)
    with pytest.raises(ObjectMissing):
        storage.path("jobs/a")


def vanishing(monkeypatch: pytest.MonkeyPatch, doomed: Path) -> None:
    """Somebody removes a file right before its size or age is looked at."""
    looking = Path.stat

    def look(path: Path, **options: bool) -> os.stat_result:
        if path == doomed:
            path.unlink(missing_ok=True)
        return looking(path, **options)

    monkeypatch.setattr(Path, "stat", look)


async def test_an_unfinished_file_that_vanishes_is_no_fault(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.put(VIDEO, b"x", "video/mp4")
    left = storage.root / ".unfinished" / "left"
    left.touch()
    vanishing(monkeypatch, left)
    await storage.check()
    assert not left.exists()


async def test_what_vanishes_while_it_is_listed_is_left_out(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        await storage.put(f"jobs/{n}/1/video.mp4", b"x", "video/mp4")
    scanning = os.scandir

    def scan(folder: Any) -> Any:
        if str(folder).endswith("jobs/0"):
            (storage.root / "jobs/0/1/video.mp4").unlink(missing_ok=True)
            (storage.root / "jobs/0/1").rmdir()
            (storage.root / "jobs/0").rmdir()
        return scanning(folder)

    monkeypatch.setattr(os, "scandir", scan)
    vanishing(monkeypatch, storage.root / "jobs/1/1/video.mp4")
    assert [found.key for found in await storage.list("jobs/")] == ["jobs/2/1/video.mp4"]


async def test_a_folder_that_cannot_be_listed_is_unavailable(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "scandir", broken)
    with pytest.raises(StorageUnavailable, match="Input/output"):
        await storage.list("")


async def test_the_size_of_what_vanishes_is_that_of_a_missing_object(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.put(VIDEO, b"x", "video/mp4")
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    vanishing(monkeypatch, storage.path(VIDEO))
    with pytest.raises(ObjectMissing):
        await storage.size(VIDEO)


async def test_a_writer_whose_file_was_taken_away_gives_up(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving, tries = os.replace, []

    def replace(name: str, target: Path) -> None:
        tries.append(name)
        Path(name).unlink(missing_ok=True)
        if len(tries) < 5:  # as often as that, and then as if all had been well
            moving(name, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(StorageUnavailable, match="could not be written"):
        await storage.put(VIDEO, b"x", "video/mp4")
    assert len(tries) == 1


async def test_a_folder_that_is_removed_under_our_feet_is_made_again(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving, tries = os.replace, []

    def replace(name: str, target: Path) -> None:
        tries.append(name)
        if len(tries) == 1:
            target.parent.rmdir()
        moving(name, target)

    monkeypatch.setattr(os, "replace", replace)
    await storage.put(VIDEO, b"x", "video/mp4")
    assert await storage.get(VIDEO) == b"x"
