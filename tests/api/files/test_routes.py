import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import anyio
import httpx
import pytest

from api.dependencies import Gateway
from db.storage.local import LocalStorage

DATA = bytes(range(256)) * 4
KEY = "jobs/a/1/video.mp4"


@pytest.fixture
async def url(gateway: Gateway) -> str:
    await gateway.storage.put(KEY, DATA, "video/mp4")
    return gateway.storage.url(KEY, expires_seconds=60, filename="a film.mp4")


def changed(url: str, **query: str) -> str:
    split = urlsplit(url)
    old = {name: values[0] for name, values in parse_qs(split.query).items()}
    return f"{split.path}?{urlencode(old | query)}"


async def test_a_complete_object(client: httpx.AsyncClient, url: str) -> None:
    response = await client.get(url)
    assert (response.status_code, response.content) == (200, DATA)
    headers = response.headers
    assert (headers["content-type"], headers["accept-ranges"]) == ("video/mp4", "bytes")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"] == "attachment; filename*=utf-8''a%20film.mp4"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["cache-control"].startswith("private")


async def test_head_has_no_body(client: httpx.AsyncClient, url: str) -> None:
    response = await client.head(url)
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", str(len(DATA)))


@pytest.mark.parametrize(
    ("requested", "start", "stop"),
    [("0-0", 0, 1), ("10-19", 10, 20), ("1000-", 1000, 1024), ("-24", 1000, 1024), ("0-99999", 0, 1024)],
)
async def test_a_range(client: httpx.AsyncClient, url: str, requested: str, start: int, stop: int) -> None:
    response = await client.get(url, headers={"Range": f"bytes={requested}"})
    assert (response.status_code, response.content) == (206, DATA[start:stop])
    assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"


async def test_a_range_beyond_the_end(client: httpx.AsyncClient, url: str) -> None:
    response = await client.get(url, headers={"Range": "bytes=2000-"})
    assert (response.status_code, response.headers["content-range"]) == (416, "bytes */1024")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "range_not_satisfiable"


@pytest.mark.parametrize("requested", ["nonsense", "lines=1-2", "bytes=9-1"])
async def test_a_malformed_range_is_refused(client: httpx.AsyncClient, url: str, requested: str) -> None:
    response = await client.get(url, headers={"Range": requested})
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")
    assert response.headers["content-type"] == "application/problem+json"


async def test_if_range_ignores_the_range_of_a_replaced_object(
    client: httpx.AsyncClient, gateway: Gateway, url: str
) -> None:
    etag = (await client.get(url)).headers["etag"]
    headers = {"Range": "bytes=0-9", "If-Range": etag}
    assert (await client.get(url, headers=headers)).status_code == 206
    await gateway.storage.put(KEY, DATA + b"more", "video/mp4")
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


async def test_a_signature_is_valid_for_one_object(client: httpx.AsyncClient, gateway: Gateway, url: str) -> None:
    await gateway.storage.put("jobs/b/1/video.mp4", b"another", "video/mp4")
    assert (await client.get(url.replace("jobs/a", "jobs/b"))).status_code == 403


async def test_an_expired_link_is_refused(client: httpx.AsyncClient, gateway: Gateway, url: str) -> None:
    assert (await client.get(gateway.storage.url(KEY, expires_seconds=-1))).status_code == 403
    assert int(parse_qs(urlsplit(url).query)["expires"][0]) > time.time()


@pytest.mark.parametrize("path", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "", "a//b", "%2e%2e/x"])
async def test_no_path_leads_outside_of_the_store(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(f"/api/files/{path}?expires=9999999999&signature={'0' * 64}")
    assert response.status_code in (403, 404)


@pytest.mark.parametrize("key", ["../outside", "a//b", ".hidden", ""])
async def test_a_signed_key_must_be_well_formed_too(client: httpx.AsyncClient, gateway: Gateway, key: str) -> None:
    assert isinstance(gateway.storage, LocalStorage)
    expires = int(time.time()) + 60
    signature = gateway.storage._signature(key, expires, None)
    response = await client.get(f"/api/files/{key.replace('.', '%2e')}?expires={expires}&signature={signature}")
    assert response.status_code in (403, 404)


async def test_a_removed_object_is_not_found(client: httpx.AsyncClient, gateway: Gateway, url: str) -> None:
    await gateway.storage.delete([KEY])
    assert (await client.get(url)).json()["code"] == "object_missing"


async def test_an_object_removed_after_the_lookup_is_not_found(
    client: httpx.AsyncClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.is_file

    def lookup_then_remove(path: Path) -> bool:
        found = original(path)
        path.unlink()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Path, "is_file", lookup_then_remove)
        response = await client.get(url)
    assert (response.status_code, response.json()["code"]) == (404, "object_missing")


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9"}])
async def test_an_object_removed_before_it_is_opened_is_not_found(
    client: httpx.AsyncClient, gateway: Gateway, url: str, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    original = anyio.open_file

    async def remove_then_open(*arguments: Any, **options: Any) -> Any:
        await gateway.storage.delete([KEY])
        return await original(*arguments, **options)

    monkeypatch.setattr(anyio, "open_file", remove_then_open)
    response = await client.get(url, headers=headers)
    assert (response.status_code, response.json()["code"]) == (404, "object_missing")


async def test_a_preview_replaced_during_the_response_is_complete(
    client: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(gateway.storage, LocalStorage)
    await gateway.storage.put(key := "previews/a.webp", b"old", "image/webp")
    link, path, original = gateway.storage.url(key, expires_seconds=60), gateway.storage.path(key), anyio.open_file

    async def replace_then_open(*arguments: Any, **options: Any) -> Any:
        path.write_bytes(b"and a longer one")
        return await original(*arguments, **options)

    monkeypatch.setattr(anyio, "open_file", replace_then_open)
    response = await client.get(link)
    assert (response.headers["content-type"], response.headers["cache-control"][:7]) == ("image/webp", "private")
    assert int(response.headers["content-length"]) == len(response.content)
