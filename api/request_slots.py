"""The number of requests of one client that are processed at once, so that no client can occupy the connection pool."""

import asyncio
import contextlib
from dataclasses import dataclass
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.api_keys import presented
from api.auth.dependencies import Auth
from api.networks import network_of
from api.problems import TokenRefused, TooManyRequests, problem_response

# Liveness probes need no database, and are not limited per client.
UNLIMITED = "/healthz"


@dataclass
class _Client:
    slots: asyncio.Semaphore
    # Requests that have a slot or wait for one.
    pending: int = 0


class RequestSlots:
    """Requests of a client beyond `at_once` wait in order; requests beyond `waiting` are refused.

    The client is the user of a valid access token, or of an API key that was valid when this gateway last read it,
    otherwise the address. A request returns its slot when its response
    starts: by then it has returned its database connection, and event streams and downloads last for minutes.
    """

    def __init__(self, app: ASGIApp, at_once: int, waiting: int) -> None:
        self.app = app
        self._at_once, self._waiting = at_once, waiting
        self._clients: dict[str, _Client] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == UNLIMITED:
            await self.app(scope, receive, send)
            return
        key = client_key(scope)
        client = self._clients.setdefault(key, _Client(asyncio.Semaphore(self._at_once)))
        if client.pending >= self._at_once + self._waiting:
            problem = TooManyRequests("too many requests of this client are waiting", retry_after=1)
            await (await problem_response(Request(scope), problem))(scope, receive, send)
            return
        client.pending += 1
        with contextlib.ExitStack() as slot:
            # For a response that waits before it starts, and holds nothing that is scarce.
            scope["state"]["release_slot"] = slot.close
            slot.callback(self._leave, key, client)
            await client.slots.acquire()
            slot.callback(client.slots.release)

            async def send_after_release(message: Message) -> None:
                if message["type"] == "http.response.start":
                    slot.close()
                await send(message)

            await self.app(scope, receive, send_after_release)

    def _leave(self, key: str, client: _Client) -> None:
        client.pending -= 1
        if not client.pending:
            del self._clients[key]


def client_key(scope: Scope) -> str:
    """The user of a valid access token or of a known API key, otherwise the client's address."""
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        with contextlib.suppress(TokenRefused):
            if user_id := known_user(scope, token.strip()):
                return f"user {user_id}"
    host, _ = scope.get("client") or ("", 0)
    return f"address {network_of(host)}"


def known_user(scope: Scope, token: str) -> UUID | None:
    """The user, recorded for the access log. None for an API key that no request to this gateway has carried yet."""
    auth: Auth = scope["app"].state.auth
    key = presented(token)
    access = None if key else auth.tokens.verify(token)
    user_id = access.user_id if access else auth.api_keys.user_of(key) if key else None
    scope["state"] |= {"access": access} if access else {}
    scope["state"] |= {"user_id": str(user_id)} if user_id else {}
    return user_id
