"""The cookies: the refresh token, and the mark of a known device. Only routes under /api/auth read them.

Over TLS their names have the prefix `__Host-`: browsers then accept them from this host and over TLS only, so a page of
another subdomain cannot set one. The prefix requires the path `/`.
"""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from api.auth.devices import LIFETIME_SECONDS
from api.settings import Settings

REFRESH: Final = "aura_refresh"
DEVICE: Final = "aura_device"
# Without TLS, and therefore without the prefix.
PLAIN_PATH: Final = "/api/auth"
DAY_SECONDS: Final = 86_400


def name(settings: Settings, cookie: str) -> str:
    return f"__Host-{cookie}" if settings.secure_cookies else cookie


def read(connection: HTTPConnection, cookie: str) -> str:
    """The value of a cookie, or an empty string. A cookie with the name of the other mode is ignored."""
    return connection.cookies.get(name(connection.app.state.gateway.settings, cookie), "")


def set_refresh(response: Response, settings: Settings, token: str) -> None:
    _set(response, settings, REFRESH, token, settings.refresh_token_days * DAY_SECONDS)


def set_device(response: Response, settings: Settings, value: str) -> None:
    _set(response, settings, DEVICE, value, LIFETIME_SECONDS)


def delete_refresh(response: Response, settings: Settings) -> None:
    _set(response, settings, REFRESH, "", 0)


def _set(response: Response, settings: Settings, cookie: str, value: str, max_age: int) -> None:
    secure = settings.secure_cookies
    response.set_cookie(
        name(settings, cookie),
        value,
        max_age=max_age,
        path="/" if secure else PLAIN_PATH,
        httponly=True,
        samesite="lax",
        secure=secure,
    )
