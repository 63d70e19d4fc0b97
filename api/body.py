"""No request here needs a long body."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 64 * 1024


class BodyLimit:
    """413 for whoever reads a body that is, or says that it is, too long."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        length = 0

        async def receive_some() -> Message:
            nonlocal length
            if announced.isdecimal() and int(announced) > MAX_BODY_BYTES:
                raise HTTPException(413)
            message = await receive()
            length += len(message.get("body", b""))
            if length > MAX_BODY_BYTES:
                raise HTTPException(413)
            return message

        await self.app(scope, receive_some, send)
