"""Refuses cross-site requests to routes that use cookies: a page of another site must not act in a visitor's name."""

from urllib.parse import urlsplit

from fastapi import Request

from api.dependencies import GatewayDep
from api.problems import OriginRefused
from api.settings import LOOPBACK, Settings


async def require_own_origin(request: Request, gateway: GatewayDep) -> None:
    """Browsers send Origin with every unsafe request, and Sec-Fetch-Site with every request. Programs send neither."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    same_site = origin in (None, own) and site in ("none", "same-origin")
    if not (same_site or is_allowed(origin or "", gateway.settings)):
        raise OriginRefused


def is_allowed(origin: str, settings: Settings) -> bool:
    """Whether another origin than the gateway's own may sign in."""
    if origin in settings.origins:
        return True
    try:
        return settings.trusts_loopback and urlsplit(origin).hostname in LOOPBACK
    except ValueError:  # for example `http://[x`
        return False
