"""The `error` object that clients of OpenAI's API read; answers under /v1 have it besides the members of RFC 9457."""

from collections.abc import Mapping
from typing import Any, Final

PREFIX: Final = "/v1/"
TYPES: Final[Mapping[int, str]] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error_object(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """From the members of a problem. `param` is the first field that is wrong."""
    first: Mapping[str, Any] = next(iter(body.get("errors") or ()), {})
    param = (first.get("pointer") or "").removeprefix("/") or first.get("parameter")
    return {
        "message": first.get("detail") or body.get("detail") or body["title"],
        "type": TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
        "param": param,
        "code": body["code"],
    }
