"""Forged and abused tokens and links, over HTTP, WebSocket, server-sent events and signed links: none is accepted."""

# ruff: noqa: F811  (fixtures are imported by name: those of this folder are for a gateway process)

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from sqlalchemy import text
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from api.auth.cookies import DEVICE, REFRESH
from api.auth.dependencies import Auth
from api.dependencies import Gateway
from db import login_sessions
from db.storage.local import LocalStorage
from tests.api.accounts import login
from tests.api.conftest import (  # noqa: F401  (fixtures)
    ApiUser,
    Server,
    account,
    alice,
    app,
    auth,
    bob,
    client,
    gateway,
    server,
    settings,
    shared_server,
)
from tests.security.forged_tokens import Forger, sign

KEY = "jobs/a/1/video.mp4"


@pytest.fixture
async def forged(gateway: Gateway, auth: Auth, alice: ApiUser, bob: ApiUser) -> dict[str, str]:
    async with gateway.sessions.begin() as session:
        ended = await login_sessions.create(session, user_id=alice.id, lifetime_seconds=60)
        await login_sessions.revoke(session, ended.id, user_id=alice.id)
    return Forger(auth.keys.current, alice.id, alice.session_id, alice.token, ended.id, bob.session_id).kinds()


async def test_there_are_a_hundred_kinds(forged: dict[str, str], alice: ApiUser) -> None:
    assert len(set(forged.values())) >= 100
    assert alice.token not in forged.values()


async def test_the_forger_can_sign(auth: Auth, alice: ApiUser) -> None:
    """Otherwise the tests below would prove nothing."""
    forger = Forger(auth.keys.current, alice.id, alice.session_id, alice.token, alice.id, alice.id)
    alice.token = sign(forger.claims(), auth.keys.current)
    assert (await alice.get("/api/me")).status_code == 200


async def test_no_forged_token_is_accepted_over_http(
    server: Server,
    forged: dict[str, str],
    alice: ApiUser,
) -> None:
    job = await alice.generate()
    paths = ["/api/me", f"/api/jobs/{job}/events"]
    async with httpx.AsyncClient(base_url=server.http) as http:
        for name, token in forged.items():
            for path in paths:
                response = await http.get(path, headers={"Authorization": b"Bearer " + token.encode()})
                assert (response.status_code, response.headers["content-type"]) == (401, "application/problem+json"), (
                    name
                )


async def test_no_forged_token_is_accepted_over_the_websocket(server: Server, forged: dict[str, str]) -> None:
    for name, token in forged.items():
        for field in ("token", "ticket"):
            code = await close_code(server, {"type": "auth", field: token})
            assert code in (4401, 4400), (name, field)


async def close_code(server: Server, message: dict[str, str]) -> int:
    async with connect(server.ws, close_timeout=1) as socket:
        await socket.send(json.dumps(message))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        return socket.close_code or 0


PLACES: list[dict[str, Any]] = [
    {"params": {"token": "{}"}}, {"params": {"access_token": "{}"}}, {"headers": {"Authorization": "{}"}},
    {"headers": {"Authorization": "Basic {}"}}, {"headers": {"Authorization": "Token {}"}},
    {"headers": {"Authorization": "Bearer Bearer {}"}}, {"headers": {"X-Access-Token": "{}"}},
    {"headers": {"Cookie": "access_token={}"}}, {"headers": {"Cookie": f"{REFRESH}={{}}"}},
    {"headers": {"X-Forwarded-User": "{}"}}, {"headers": {"Proxy-Authorization": "Bearer {}"}},
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=str)
async def test_a_valid_token_is_accepted_in_the_authorization_header_only(
    client: httpx.AsyncClient,
    alice: ApiUser,
    place: dict[str, dict[str, str]],
) -> None:
    filled = {kind: {name: text.format(alice.token) for name, text in pair.items()} for kind, pair in place.items()}
    assert (await client.get("/api/me", **filled)).status_code == 401  # type: ignore[arg-type]


async def test_other_credentials_are_no_access_tokens(
    client: httpx.AsyncClient,
    account: dict[str, str],
    alice: ApiUser,
    server: Server,
) -> None:
    signed_in = await login(client, account)
    ticket = (await alice.post("/api/ws/ticket")).json()["ticket"]
    for credential in (signed_in.cookies[REFRESH], signed_in.cookies[DEVICE], ticket, account["password"]):
        response = await client.get("/api/me", headers={"Authorization": f"Bearer {credential}"})
        assert response.status_code == 401
        assert await close_code(server, {"type": "auth", "token": credential}) == 4401


async def test_forged_refresh_cookies(
    client: httpx.AsyncClient,
    account: dict[str, str],
    alice: ApiUser,
    gateway: Gateway,
) -> None:
    good = (await login(client, account)).cookies[REFRESH]
    client.cookies.clear()
    async with gateway.sessions() as session:
        stored = (await session.scalars(text("SELECT refresh_hash FROM sessions"))).one()
    guesses = (
        "", "x", stored, good[:-1], good + "A", good.swapcase(), f" {good}x", f"{good}%00", good[::-1], alice.token,
        "' OR ''='", "%", "_" * 43, good.replace(good[0], "%", 1), f'"{good}x"', "é",
    )  # fmt: skip
    for cookie in guesses:
        response = await client.post("/api/auth/refresh", headers={"Cookie": f"{REFRESH}={cookie}".encode()})
        assert response.status_code == 401, cookie
    for name in ("__Host-aura_refresh", "__Secure-aura_refresh", "AURA_REFRESH", "aura_refresh2", "refresh"):
        response = await client.post("/api/auth/refresh", headers={"Cookie": f"{name}={good}"})
        assert response.status_code == 401, name
    assert (await client.post("/api/auth/refresh", headers={"Cookie": f"{REFRESH}={good}"})).status_code == 200


def link_changes(expires: int) -> list[dict[str, str]]:
    moments = [
        str(expires + 1), str(expires - 1), f"+{expires}", f" {expires}", f"{expires} ", f"0{expires}", f"{expires}.0",
        f"{expires}e0", f"{expires}\n", f"-{expires}", f"{str(expires)[0]}_{str(expires)[1:]}", hex(expires), "", "0",
        "".join(chr(0xFF10 + int(digit)) for digit in str(expires)), "9" * 30, "Infinity", "NaN", "null", "now",
        "".join(chr(0x0660 + int(digit)) for digit in str(expires)), f"{expires}&expires={expires + 10**6}",
    ]  # fmt: skip
    signatures = ["", "0" * 64, "0" * 63, "x" * 64, "é" * 64, "null", "'", "\0", "0" * 10_000]
    names = ["other.mp4", "", "..", "a\r\nSet-Cookie: x=1", "a.mp4\0"]
    return [
        *({"expires": moment} for moment in moments),
        *({"signature": signature} for signature in signatures),
        *({"filename": name} for name in names),
    ]


async def test_forged_links(client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser) -> None:
    assert isinstance(gateway.storage, LocalStorage)
    await gateway.storage.put(KEY, b"video", "video/mp4")
    await gateway.storage.put("jobs/b/1/video.mp4", b"another", "video/mp4")
    url = urlsplit(gateway.storage.url(KEY, expires_seconds=60, filename="a.mp4"))
    good = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (await client.get(f"{url.path}?{urlencode(good)}")).status_code == 200
    mac = good["signature"]
    changes = link_changes(int(good["expires"]))
    changes += [{"signature": value} for value in (mac.upper(), mac[:-1], mac + "0", f" {mac}", mac[::-1], alice.token)]
    changes += [{"signature": mac[:n] + ("0" if mac[n] != "0" else "1") + mac[n + 1 :]} for n in range(64)]
    for change in changes:
        response = await client.get(f"{url.path}?{urlencode(good | change)}", headers=alice.headers)
        assert response.status_code == 403, change
    for left_out in good:
        query = urlencode({name: value for name, value in good.items() if name != left_out})
        assert (await client.get(f"{url.path}?{query}")).status_code == 403, left_out
    for path in ("/api/files/jobs/b/1/video.mp4", f"{url.path}/", f"{url.path}%20", url.path.replace("/a/", "/a//")):
        assert (await client.get(f"{path}?{urlencode(good)}")).status_code in (403, 404), path


async def test_a_link_is_valid_for_a_week_at_most(client: httpx.AsyncClient, gateway: Gateway) -> None:
    assert isinstance(gateway.storage, LocalStorage)
    await gateway.storage.put(KEY, b"video", "video/mp4")
    for seconds, status in ((60, 200), (7 * 86_400 + 60, 403), (-1, 403), (0, 403)):
        expires = int(time.time()) + seconds
        query = {"expires": expires, "signature": gateway.storage._signature(KEY, expires, None)}
        assert (await client.get(f"/api/files/{KEY}?{urlencode(query)}")).status_code == status, seconds
