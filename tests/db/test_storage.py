"""The object store: the same promises from a folder and from S3."""

import asyncio
import os
import socket
import stat
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from minio.error import S3Error
from urllib3 import BaseHTTPResponse

from db.errors import BadKey, ObjectMissing, StorageUnavailable
from db.settings import StorageSettings
from db.storage import Storage, content_type, open_storage
from db.storage_local import LocalStorage
from db.storage_s3 import S3Storage
from tests.db import swift

VIDEO = "jobs/a/1/video.mp4"


def s3(endpoint: str, **values: str) -> S3Storage:
    keys = {"access_key": swift.ACCESS_KEY, "secret_key": swift.SECRET_KEY, "bucket": "auraanim"}
    return S3Storage(endpoint=endpoint, **{**keys, **values})


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def real_s3() -> Iterator[str]:
    """A store that verifies signatures, as moto does not."""
    if why := swift.missing():
        pytest.skip(f"Debian's swift is {why}: signatures are not verified in this run")
    with tempfile.TemporaryDirectory(prefix="swift-") as folder:
        Path(folder).chmod(0o755)  # pytest's own folders are closed to the servers' user
        with swift.server(Path(folder)) as endpoint:
            yield endpoint


@pytest.fixture(params=["local", "moto", pytest.param("swift", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, storage: LocalStorage) -> Storage:
    if request.param == "local":
        return storage
    endpoint = request.getfixturevalue("moto" if request.param == "moto" else "real_s3")
    return s3(endpoint, bucket=f"b-{time.time_ns()}")


def fetch(url: str) -> tuple[bytes, Message]:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read(), answer.headers


async def test_objects_come_back_as_they_went(store: Storage) -> None:
    await store.put(VIDEO, b"one", "video/mp4")
    await store.put(VIDEO, b"other", "video/mp4")
    await store.put("previews/a.webp", b"", "image/webp")
    assert await store.get(VIDEO) == b"other"
    assert (await store.size(VIDEO), await store.size("previews/a.webp")) == (5, 0)
    listed = await store.list("jobs/")
    assert [(found.key, found.size) for found in listed] == [(VIDEO, 5)]
    assert abs(listed[0].modified_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert [found.key for found in await store.list("")] == [VIDEO, "previews/a.webp"]
    assert [found.key for found in await store.list("jobs/a/1/v")] == [VIDEO]
    assert await store.list("nothing/") == []


async def test_what_is_not_there(store: Storage) -> None:
    await store.check()
    with pytest.raises(ObjectMissing):
        await store.get(VIDEO)
    with pytest.raises(ObjectMissing):
        await store.size(VIDEO)
    await store.delete([VIDEO])


async def test_delete(store: Storage) -> None:
    for key in (VIDEO, "jobs/a/1/poster.webp", "jobs/b/1/video.mp4"):
        await store.put(key, b"x", content_type(key))
    await store.delete([VIDEO, "jobs/a/1/poster.webp"])
    assert [found.key for found in await store.list("")] == ["jobs/b/1/video.mp4"]
    await store.delete([])


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".hidden", "a/.b", "a b", "a\0", "ä", "a" * 513]
)
async def test_bad_keys_are_refused(storage: LocalStorage, key: str) -> None:
    for store in (storage, s3("127.0.0.1:1")):
        with pytest.raises(BadKey):
            await store.put(key, b"", "video/mp4")
        with pytest.raises(BadKey):
            await store.get(key)
        with pytest.raises(BadKey):
            store.url(key, expires_seconds=5)
        with pytest.raises(BadKey):
            await store.delete([key])


# --- the local folder -----------------------------------------------------------------------------------------------


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


# --- S3 -------------------------------------------------------------------------------------------------------------


async def test_presigned_links_deliver_with_the_asked_name(moto: str) -> None:
    store = s3(moto)
    await store.put(VIDEO, b"bytes", "video/mp4")
    data, headers = await asyncio.to_thread(fetch, store.url(VIDEO, expires_seconds=60, filename="a ü.mp4"))
    assert (data, headers["Content-Type"]) == (b"bytes", "video/mp4")
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20%C3%BC.mp4"


async def test_the_bucket_may_exist_already(moto: str) -> None:
    for _ in range(2):
        await s3(moto, bucket="shared").put(VIDEO, b"x", "video/mp4")
    await s3(moto, bucket="shared").check()


@pytest.mark.parametrize(
    ("code", "fine"), [("BucketAlreadyOwnedByYou", True), ("BucketAlreadyExists", True), ("AccessDenied", False)]
)
async def test_only_an_existing_bucket_is_no_error(
    moto: str, monkeypatch: pytest.MonkeyPatch, code: str, fine: bool
) -> None:
    def refuse(*_: str) -> None:
        raise S3Error(BaseHTTPResponse(status=409, version=11, version_string="", reason=None, decode_content=False,
                                       request_url=None), code, "no", None, None, None)  # fmt: skip

    await s3(moto).check()
    store = s3(moto)
    monkeypatch.setattr(store._client, "make_bucket", refuse)
    if fine:
        await store.put(VIDEO, b"x", "video/mp4")
    else:
        with pytest.raises(StorageUnavailable, match=code):
            await store.put(VIDEO, b"x", "video/mp4")


async def test_a_bucket_that_vanished_is_made_again(moto: str) -> None:
    store = s3(moto, bucket="vanishing")
    await store.put(VIDEO, b"x", "video/mp4")
    await store.delete([VIDEO])
    store._client.remove_bucket("vanishing")
    with pytest.raises(StorageUnavailable):
        await store.put(VIDEO, b"x", "video/mp4")
    await store.put(VIDEO, b"x", "video/mp4")


def test_links_are_signed_for_the_browsers_address_without_a_network() -> None:
    store = s3("internal.invalid:9000", public_endpoint="https://files.example")
    url = store.url(VIDEO, expires_seconds=60)
    assert url.startswith(f"https://files.example/auraanim/{VIDEO}?X-Amz-Algorithm=AWS4-HMAC-SHA256")
    assert "X-Amz-Expires=60" in url


async def test_a_store_that_is_down_is_unavailable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store = s3(f"127.0.0.1:{port}")
    for call in (store.check(), store.put(VIDEO, b"", "video/mp4")):
        with pytest.raises(StorageUnavailable):
            await call


@pytest.mark.slow
async def test_a_real_store_holds_links_to_their_signature(real_s3: str) -> None:
    store = s3(real_s3)
    await store.put(VIDEO, b"bytes", "video/mp4")
    good, short = store.url(VIDEO, expires_seconds=60), store.url(VIDEO, expires_seconds=1)
    assert (await asyncio.to_thread(fetch, good))[0] == b"bytes"
    await asyncio.sleep(2.1)
    bad = [short, good.replace("Expires=60", "Expires=600"), good.replace("video.mp4", "other.mp4"), good.split("?")[0],
           good.replace(real_s3, real_s3.replace("127.0.0.1", "localhost"))]  # fmt: skip
    for url in bad:
        with pytest.raises(urllib.error.HTTPError) as refused:
            await asyncio.to_thread(fetch, url)
        assert refused.value.code in (400, 403), url
        refused.value.close()
    with pytest.raises(StorageUnavailable, match="SignatureDoesNotMatch"):
        await s3(real_s3, secret_key="wrong").put(VIDEO, b"x", "video/mp4")


# --- the settings ---------------------------------------------------------------------------------------------------


def test_the_settings_choose_the_store(tmp_path: Path) -> None:
    local = open_storage(StorageSettings(_env_file=None, STORAGE_DIR=str(tmp_path), STORAGE_SIGNING_KEY="k" * 32))
    remote = open_storage(
        StorageSettings(_env_file=None, S3_ENDPOINT="http://s3:9000", S3_ACCESS_KEY="a", S3_SECRET_KEY="b")
    )
    assert isinstance(local, LocalStorage)
    assert isinstance(remote, S3Storage)


def test_content_types() -> None:
    assert [content_type(f"a/b{suffix}") for suffix in (".mp4", ".webm", ".gif", ".webp", ".x")] == [
        "video/mp4", "video/webm", "image/gif", "image/webp", "application/octet-stream",
    ]  # fmt: skip
