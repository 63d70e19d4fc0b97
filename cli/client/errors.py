"""Error responses of the gateway.

ApiError
├── TemporaryError ── GatewayUnavailable 502, 503, 504
│                 └── TooManyRequests 429
└── NotUnderstood
"""

from typing import Any, ClassVar, Final

MIN_RETRY_SECONDS: Final = 1.0


class ApiError(Exception):
    """An error response of the gateway. `code` is stable; the message is one line for the user."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.code = str(body.get("code", f"http_{status}"))
        details = [
            f"{error['pointer'].lstrip('/') or 'request'}: {error['detail']}" for error in body.get("errors", [])
        ]
        message = "; ".join(details) or body.get("detail") or body.get("title")
        super().__init__(str(message or f"the gateway responded with status {status}"))


class TemporaryError(ApiError):
    """The same request may succeed after `retry_after` seconds. None: the gateway did not name a time."""

    statuses: ClassVar[tuple[int, ...]] = ()

    def __init__(self, status: int, body: dict[str, Any], retry_after: str) -> None:
        super().__init__(status, body)
        # Retry-After may also be a date, which is ignored.
        self.retry_after = max(float(retry_after), MIN_RETRY_SECONDS) if retry_after.isdecimal() else None


class GatewayUnavailable(TemporaryError):
    """The gateway, or a service behind it, is unavailable."""

    statuses = (502, 503, 504)


class TooManyRequests(TemporaryError):
    """A rate limit or a quota."""

    statuses = (429,)


class NotUnderstood(ApiError):
    """A successful response that is not of the documented form: there is no gateway at this address, or a newer one."""

    def __init__(self, status: int) -> None:
        super().__init__(status, {"detail": "the response is not one of an AuraAnim gateway", "code": "not_understood"})
