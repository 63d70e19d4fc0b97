"""The limit per address for clients behind a proxy, whichever proxies are trusted."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.server.clients import ClientLimit
from api.server.connections import Connections
from api.server.settings import ServerSettings


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(0.05)
    await Response("done")(scope, receive, send)


def client(trusted: str) -> httpx.AsyncClient:
    """A client at 127.0.0.1 of an application with a limit of two."""
    connections = Connections(ServerSettings(connections_per_address=2), 100, trusted)
    app: Any = ProxyHeadersMiddleware(ClientLimit(slow, connections), trusted)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")


async def statuses(http: httpx.AsyncClient, *forwarded: str) -> list[int]:
    headers = [{"X-Forwarded-For": address} if address else {} for address in forwarded]
    responses = await asyncio.gather(*(http.get("/", headers=each) for each in headers))
    return [response.status_code for response in responses]


@pytest.mark.parametrize("trusted", ["127.0.0.1", "127.0.0.0/8", "*"])
async def test_clients_of_a_trusted_proxy_are_limited_by_their_address(trusted: str) -> None:
    async with client(trusted) as http:
        assert await statuses(http, *["192.0.2.1"] * 4) == [200, 200, 429, 429]
        assert await statuses(http, "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2") == [200] * 4
        refused = await asyncio.gather(*(http.get("/", headers={"X-Forwarded-For": "192.0.2.1"}) for _ in range(3)))
        assert refused[2].headers["retry-after"] == "5"
        assert refused[2].json()["code"] == "too_many_connections"


@pytest.mark.parametrize("trusted", ["127.0.0.1", "*"])
async def test_a_trusted_proxy_that_reports_no_client_is_not_limited(trusted: str) -> None:
    async with client(trusted) as http:
        assert await statuses(http, *[""] * 4) == [200] * 4


async def test_the_header_of_others_is_ignored() -> None:
    async with client("192.0.2.9") as http:
        assert await statuses(http, "192.0.2.1", "192.0.2.2", "192.0.2.3") == [200, 200, 429]
