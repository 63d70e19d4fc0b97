"""No request here needs a long body."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 64 * 1024


class BodyLimit:
    """413 for a body that is too long, as soon as that much of it has come."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = 0

        async def receive_some() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b"")) if message["type"] == "http.request" else 0
            if length > MAX_BODY_BYTES:
                raise HTTPException(413)
            return message

        await self.app(scope, receive_some, send)
