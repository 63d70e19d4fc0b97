"""Object stores: what a local directory and S3 have in common, and S3."""

import asyncio
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path

import pytest
from minio.error import S3Error
from urllib3 import HTTPResponse

from db.embedded import free_port
from db.errors import BadKey, ObjectMissing, StorageUnavailable
from db.settings import StorageSettings
from db.storage.base import Storage, content_type
from db.storage.local import LocalStorage
from db.storage.open import open_storage
from db.storage.s3 import S3Storage
from tests.db.storage import swift

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
    """A store that verifies signatures, which moto does not."""
    if why := swift.missing():
        pytest.skip(f"Debian's swift is {why}: signatures are not verified in this run")
    with tempfile.TemporaryDirectory(prefix="swift-") as folder:
        Path(folder).chmod(0o755)  # the user of the servers cannot read pytest's directories
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


async def test_put_get_size_list(store: Storage) -> None:
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


async def test_missing_objects(store: Storage) -> None:
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


# --- S3 -------------------------------------------------------------------------------------------------------------


async def test_presigned_links_carry_the_filename(moto: str) -> None:
    store = s3(moto)
    await store.put(VIDEO, b"bytes", "video/mp4")
    data, headers = await asyncio.to_thread(fetch, store.url(VIDEO, expires_seconds=60, filename="a ü.mp4"))
    assert (data, headers["Content-Type"]) == (b"bytes", "video/mp4")
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20%C3%BC.mp4"


async def test_the_bucket_may_exist(moto: str) -> None:
    for _ in range(2):
        await s3(moto, bucket="shared").put(VIDEO, b"x", "video/mp4")
    await s3(moto, bucket="shared").check()


def refuse_make_bucket(store: S3Storage, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    def refuse(*_: str) -> None:
        raise S3Error(HTTPResponse(status=409), code, "no", None, None, None)

    monkeypatch.setattr(store._client, "make_bucket", refuse)


async def test_an_existing_bucket_requires_no_right_to_create_one(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await s3(moto).check()
    store = s3(moto)
    refuse_make_bucket(store, monkeypatch, "AccessDenied")
    await store.put(VIDEO, b"x", "video/mp4")
    await store.check()


@pytest.mark.parametrize(
    ("code", "fine"), [("BucketAlreadyOwnedByYou", True), ("BucketAlreadyExists", True), ("AccessDenied", False)]
)
async def test_a_bucket_created_by_another_process_meanwhile_is_no_error(
    moto: str, monkeypatch: pytest.MonkeyPatch, code: str, fine: bool
) -> None:
    await s3(moto).check()
    store = s3(moto)
    monkeypatch.setattr(store._client, "bucket_exists", lambda _: False)
    refuse_make_bucket(store, monkeypatch, code)
    if fine:
        await store.put(VIDEO, b"x", "video/mp4")
    else:
        with pytest.raises(StorageUnavailable, match=code):
            await store.put(VIDEO, b"x", "video/mp4")


async def test_a_deleted_bucket_is_created_again(moto: str) -> None:
    store = s3(moto, bucket="deleted")
    await store.put(VIDEO, b"x", "video/mp4")
    await store.delete([VIDEO])
    store._client.remove_bucket("deleted")
    with pytest.raises(StorageUnavailable):
        await store.put(VIDEO, b"x", "video/mp4")
    await store.put(VIDEO, b"x", "video/mp4")


@pytest.mark.parametrize("used", [False, True])
async def test_a_check_reports_a_deleted_bucket_and_creates_none(moto: str, used: bool) -> None:
    store = s3(moto, bucket=f"deleted-{used}".lower())
    await store.check()
    store._client.remove_bucket(store.bucket)
    if used:
        with pytest.raises(StorageUnavailable):
            await store.get(VIDEO)
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="no longer exists"):
            await store.check()


@pytest.fixture
def hanging(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[S3Storage, list[str]]]:
    """A store that does not answer, and the requests it received."""
    store, requests, answer = s3(moto), list[str](), threading.Event()

    def hang(*_: object) -> bool:
        requests.append("request")
        return answer.wait(30)

    store._bucket_exists = True
    monkeypatch.setattr(store._client, "bucket_exists", hang)
    monkeypatch.setattr(store._client, "get_object", hang)
    yield store, requests
    answer.set()


async def test_a_store_that_does_not_answer_blocks_no_thread_of_asyncio(hanging: tuple[S3Storage, list[str]]) -> None:
    store, _ = hanging
    reading = [asyncio.create_task(store.get(VIDEO)) for _ in range(40)]
    await asyncio.sleep(0.2)
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 2) == "free"
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)


async def test_concurrent_checks_of_a_store_that_does_not_answer_share_one_request(
    hanging: tuple[S3Storage, list[str]],
) -> None:
    store, requests = hanging
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(store.check(), 0.05)
    assert len(requests) == 1


def test_links_are_signed_for_the_public_endpoint_without_a_request() -> None:
    store = s3("internal.invalid:9000", public_endpoint="https://files.example")
    url = store.url(VIDEO, expires_seconds=60)
    assert url.startswith(f"https://files.example/auraanim/{VIDEO}?X-Amz-Algorithm=AWS4-HMAC-SHA256")
    assert "X-Amz-Expires=60" in url


async def test_a_store_that_is_down_is_unavailable() -> None:
    store = s3(f"127.0.0.1:{free_port()}")
    for call in (store.check(), store.put(VIDEO, b"", "video/mp4")):
        with pytest.raises(StorageUnavailable):
            await call


@pytest.mark.slow
async def test_a_store_that_verifies_signatures_refuses_changed_links(real_s3: str) -> None:
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
    with pytest.raises(StorageUnavailable, match="AccessDenied"):
        await s3(real_s3, secret_key="wrong").put(VIDEO, b"x", "video/mp4")


# --- the settings ---------------------------------------------------------------------------------------------------


def test_the_settings_select_the_store(tmp_path: Path) -> None:
    local = open_storage(StorageSettings(_env_file=None, storage_dir=str(tmp_path), storage_signing_key="k" * 32))
    remote = open_storage(
        StorageSettings(_env_file=None, s3_endpoint="http://s3:9000", s3_access_key="a", s3_secret_key="b")
    )
    assert isinstance(local, LocalStorage)
    assert isinstance(remote, S3Storage)


def test_content_types() -> None:
    assert [content_type(f"a/b{suffix}") for suffix in (".mp4", ".webm", ".gif", ".webp", ".x")] == [
        "video/mp4", "video/webm", "image/gif", "image/webp", "application/octet-stream",
    ]  # fmt: skip
