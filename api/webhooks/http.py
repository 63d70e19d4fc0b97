"""Requests to the endpoints of webhooks: to checked addresses only, without redirects, proxies and cookies."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import cache, partial
from typing import Final, cast

import httpcore
from httpcore import SOCKET_OPTION, AsyncNetworkBackend, AsyncNetworkStream

from api.webhooks.destinations import Destination, DestinationRefused, Policy, check_address

# For the whole request: name, connection, TLS, and the answer.
REQUEST_SECONDS: Final = 10.0
# For one of several addresses.
CONNECT_SECONDS: Final = 4.0
MAX_ADDRESSES: Final = 4
# What is read of an answer before the connection is closed.
MAX_ANSWER_BYTES: Final = 64 * 1024
MAX_LOOKUPS: Final = 64

# The addresses of a name. Raises OSError.
Resolve = Callable[[str, int], Awaitable[list[str]]]
# Threads of their own: slow name servers must not occupy those of password hashing.
_lookups = ThreadPoolExecutor(MAX_LOOKUPS, thread_name_prefix="webhook-dns")


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, from the name servers of this machine."""
    lookup = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_lookups, lookup)
    return [str(entry[4][0]) for entry in found]


class CheckedBackend(AsyncNetworkBackend):
    """Connects to a name after a check of all of its addresses, and to one of those that were checked.

    TLS verifies the name, not the address: httpcore passes the name of the request to it.
    """

    def __init__(self, policy: Policy, resolve: Resolve) -> None:
        self._policy, self._resolve = policy, resolve
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """A connection. Raises DestinationRefused if any address of the name is not public, and OSError."""
        addresses = [check_address(one, self._policy) for one in await self._addresses(host, port)]
        if not addresses:
            raise httpcore.ConnectError("the name has no address")
        *others, last = addresses[:MAX_ADDRESSES]
        for address in others:
            try:
                return await self._sockets.connect_tcp(address, port, timeout=CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._sockets.connect_tcp(last, port, timeout=CONNECT_SECONDS)

    async def _addresses(self, host: str, port: int) -> list[str]:
        return list(dict.fromkeys(await self._resolve(host, port)))


@cache
def _ssl_context() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


class Client:
    """Sends requests, each on a connection of its own."""

    def __init__(
        self, policy: Policy, *, resolve: Resolve = resolve, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._backend, self._ssl_context = CheckedBackend(policy, resolve), ssl_context

    async def post(self, destination: Destination, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer, of whose body at most MAX_ANSWER_BYTES are read and none is kept.

        Raises one of FAILURES.
        """
        url = httpcore.URL(
            scheme=destination.scheme, host=destination.host, port=destination.port, target=destination.target
        )
        async with asyncio.timeout(REQUEST_SECONDS), self._pool() as pool:
            sent = list({**headers, "Connection": "close"}.items())
            async with pool.stream("POST", url, headers=sent, content=body) as response:
                size = 0
                async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_stream())) as chunks:
                    async for chunk in chunks:
                        size += len(chunk)
                        if size >= MAX_ANSWER_BYTES:
                            break
                return response.status

    def _pool(self) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(self._ssl_context or _ssl_context(), network_backend=self._backend)


# Failures of a request that the receiver or the network causes. TimeoutError is an OSError.
FAILURES: Final = (
    DestinationRefused, OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException,
)  # fmt: skip


def reason(error: Exception) -> str:
    """A failure in a few words for the log of the endpoint. No text of the receiver, no address."""
    match error:
        case DestinationRefused():
            return f"the destination {error}"
        case socket.gaierror():
            return "the name cannot be resolved"
        case TimeoutError() | httpcore.TimeoutException():
            return "no answer in time"
        case httpcore.ConnectError(args=[ssl.SSLError()]):
            return "the certificate or the TLS connection was refused"
        case httpcore.ConnectError():
            return "no connection"
    return "the connection was closed, or the answer is not HTTP"
