"""The relying party: the host name and the origins for which browsers sign."""

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request

from api.dependencies import GatewayDep
from api.passkeys.problems import PasskeysDisabled
from api.settings import Settings

NAME: Final = "AuraAnim"
LOCAL: Final = "localhost"
HTTPS_PORT: Final = 443


@dataclass(frozen=True, slots=True)
class RelyingParty:
    id: str
    origins: list[str]


async def get_relying_party(request: Request, gateway: GatewayDep) -> RelyingParty:
    """Raises PasskeysDisabled."""
    party = public_party(gateway.settings) or _local_party(gateway.settings, request.headers.get("origin", ""))
    if party is None:
        raise PasskeysDisabled
    return party


RelyingPartyDep = Annotated[RelyingParty, Depends(get_relying_party)]


def public_party(settings: Settings) -> RelyingParty | None:
    """That of PUBLIC_URL. Browsers accept neither addresses instead of names, nor names without TLS."""
    url = urlsplit(settings.public_url)
    if url.scheme != "https" or not url.hostname or _is_address(url.hostname):
        return None
    port = "" if url.port in (None, HTTPS_PORT) else f":{url.port}"
    return RelyingParty(url.hostname, [f"https://{url.hostname}{port}"])


def _local_party(settings: Settings, origin: str) -> RelyingParty | None:
    """Development mode: browsers treat localhost as secure, on any port."""
    if not settings.trusts_loopback:
        return None
    try:
        local = urlsplit(origin).hostname == LOCAL
    except ValueError:
        local = False
    return RelyingParty(LOCAL, [origin] if local else [])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
