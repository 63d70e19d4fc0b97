import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import anyio
import httpx
import pytest

from api.edge import Gateway
from db.storage_local import LocalStorage

DATA = bytes(range(256)) * 4
KEY = "jobs/a/1/video.mp4"


@pytest.fixture
async def url(parts: Gateway) -> str:
    await parts.storage.put(KEY, DATA, "video/mp4")
    return parts.storage.url(KEY, expires_seconds=60, filename="a film.mp4")


def changed(url: str, **query: str) -> str:
    split = urlsplit(url)
    old = {name: values[0] for name, values in parse_qs(split.query).items()}
    return f"{split.path}?{urlencode(old | query)}"


async def test_the_whole_file(client: httpx.AsyncClient, url: str) -> None:
    response = await client.get(url)
    assert (response.status_code, response.content) == (200, DATA)
    headers = response.headers
    assert (headers["content-type"], headers["accept-ranges"]) == ("video/mp4", "bytes")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"] == "attachment; filename*=utf-8''a%20film.mp4"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["cache-control"].startswith("private")


async def test_head(client: httpx.AsyncClient, url: str) -> None:
    response = await client.head(url)
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", str(len(DATA)))


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("0-0", 0, 1), ("10-19", 10, 20), ("1000-", 1000, 1024), ("-24", 1000, 1024), ("0-99999", 0, 1024)],
)
async def test_a_part(client: httpx.AsyncClient, url: str, asked: str, start: int, stop: int) -> None:
    response = await client.get(url, headers={"Range": f"bytes={asked}"})
    assert (response.status_code, response.content) == (206, DATA[start:stop])
    assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"


async def test_a_part_beyond_the_end(client: httpx.AsyncClient, url: str) -> None:
    response = await client.get(url, headers={"Range": "bytes=2000-"})
    assert (response.status_code, response.headers["content-range"]) == (416, "bytes */1024")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "range_not_satisfiable"


@pytest.mark.parametrize("asked", ["nonsense", "lines=1-2", "bytes=9-1"])
async def test_a_malformed_range_is_a_problem(client: httpx.AsyncClient, url: str, asked: str) -> None:
    response = await client.get(url, headers={"Range": asked})
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_part_of_the_same_file_only(client: httpx.AsyncClient, parts: Gateway, url: str) -> None:
    etag = (await client.get(url)).headers["etag"]
    headers = {"Range": "bytes=0-9", "If-Range": etag}
    assert (await client.get(url, headers=headers)).status_code == 206
    await parts.storage.put(KEY, DATA + b"more", "video/mp4")
    assert (await client.get(url, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"signature": "0" * 64}, {"signature": ""}, {"signature": "é"}, {"expires": "9999999999"}, {"expires": "x"},
        {"expires": ""}, {"filename": "other.mp4"},
    ],
)  # fmt: skip
async def test_a_changed_link_is_refused(client: httpx.AsyncClient, url: str, query: dict[str, str]) -> None:
    response = await client.get(changed(url, **query))
    assert (response.status_code, response.json()["code"]) == (403, "link_refused")


async def test_a_link_opens_one_object(client: httpx.AsyncClient, parts: Gateway, url: str) -> None:
    await parts.storage.put("jobs/b/1/video.mp4", b"another", "video/mp4")
    assert (await client.get(url.replace("jobs/a", "jobs/b"))).status_code == 403


async def test_an_expired_link_is_refused(client: httpx.AsyncClient, parts: Gateway, url: str) -> None:
    assert (await client.get(parts.storage.url(KEY, expires_seconds=-1))).status_code == 403
    assert int(parse_qs(urlsplit(url).query)["expires"][0]) > time.time()


@pytest.mark.parametrize("path", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "", "a//b", "%2e%2e/x"])
async def test_no_link_leads_out_of_the_store(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(f"/api/files/{path}?expires=9999999999&signature={'0' * 64}")
    assert response.status_code in (403, 404)


@pytest.mark.parametrize("key", ["../outside", "a//b", ".hidden", ""])
async def test_even_a_signed_key_must_be_a_plain_one(client: httpx.AsyncClient, parts: Gateway, key: str) -> None:
    assert isinstance(parts.storage, LocalStorage)
    expires = int(time.time()) + 60
    signature = parts.storage._signature(key, expires, None)
    response = await client.get(f"/api/files/{key.replace('.', '%2e')}?expires={expires}&signature={signature}")
    assert response.status_code in (403, 404)


async def test_what_was_removed_is_not_found(client: httpx.AsyncClient, parts: Gateway, url: str) -> None:
    await parts.storage.delete([KEY])
    assert (await client.get(url)).json()["code"] == "object_missing"


async def test_what_is_removed_while_it_is_asked_for_is_not_found(
    client: httpx.AsyncClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = Path.is_file

    def last_look(path: Path) -> bool:
        found = looking(path)
        path.unlink()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Path, "is_file", last_look)
        response = await client.get(url)
    assert (response.status_code, response.json()["code"]) == (404, "object_missing")


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9"}])
async def test_what_is_removed_before_it_is_opened_is_not_found(
    client: httpx.AsyncClient, parts: Gateway, url: str, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    opening = anyio.open_file

    async def too_late(*arguments: Any, **options: Any) -> Any:
        await parts.storage.delete([KEY])
        return await opening(*arguments, **options)

    monkeypatch.setattr(anyio, "open_file", too_late)
    response = await client.get(url, headers=headers)
    assert (response.status_code, response.json()["code"]) == (404, "object_missing")


async def test_a_preview_that_is_replaced_while_it_is_sent_is_whole(
    client: httpx.AsyncClient, parts: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(parts.storage, LocalStorage)
    await parts.storage.put(key := "previews/a.webp", b"old", "image/webp")
    link, path, opening = parts.storage.url(key, expires_seconds=60), parts.storage.path(key), anyio.open_file

    async def replaced(*arguments: Any, **options: Any) -> Any:
        path.write_bytes(b"and a longer one")
        return await opening(*arguments, **options)

    monkeypatch.setattr(anyio, "open_file", replaced)
    response = await client.get(link)
    assert (response.headers["content-type"], response.headers["cache-control"][:7]) == ("image/webp", "private")
    assert int(response.headers["content-length"]) == len(response.content)
