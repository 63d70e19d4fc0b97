"""The URLs that a webhook may have: public addresses only, so that users cannot make the gateway call its own network.

`parse` reads a URL once, in a form that leaves nothing to interpretation: the connection is made from its result and
not from the URL. `check_address` is called for every address of the name, by the code that connects (`http.py`).
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

MAX_URL_CHARS: Final = 2000
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_PORTS: Final = frozenset({443, 8443})
_URL: Final = re.compile(r"(https?)://([^/?]*)([/?].*)?", re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::([0-9]{1,5}))?", re.IGNORECASE)
_NAME: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
# What programs read as a number, and as an IPv4 address then: 2130706433, 0x7f.1, 127.1, 0177.0.0.1.
_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Registered as global, but never the address of a receiver.
_REFUSED_IPV4: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
# The addresses that are assigned to networks. Mapped IPv4 addresses and NAT64 are outside of it.
_UNICAST_IPV6: Final = IPv6Network("2000::/3")
# Protocols (Teredo and others), documentation, and 6to4, which contains an IPv4 address.
_REFUSED_IPV6: Final = tuple(IPv6Network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))


class DestinationRefused(Exception):
    """Why a webhook may not lead there."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`development`: http and any port too. `loopback`: this machine too, for a receiver that is being written."""

    development: bool = False
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """`host` is a name or an address in ASCII; an IPv6 address has no brackets."""

    scheme: str
    host: str
    port: int
    target: str


def parse(url: str, policy: Policy) -> Destination:
    """The parts of a URL. DestinationRefused unless they can be the endpoint of a webhook."""
    if len(url) > MAX_URL_CHARS or not re.fullmatch(r"[!-~]+", url) or "\\" in url or "#" in url:
        raise DestinationRefused(f"must be a URL of at most {MAX_URL_CHARS} ASCII characters, without a fragment")
    if not (found := _URL.fullmatch(url)):
        raise DestinationRefused("must begin with https://")
    scheme, authority, target = found[1].lower(), found[2], found[3] or "/"
    if scheme != "https" and not policy.development:
        raise DestinationRefused("must begin with https://")
    if "@" in authority:
        raise DestinationRefused("must not contain credentials")
    if not (parts := _AUTHORITY.fullmatch(authority)):
        raise DestinationRefused("must contain a host name in ASCII (xn--… for others)")
    port = int(parts[3] or _DEFAULT_PORTS[scheme])
    if not (1 <= port <= 65_535 if policy.development else port in _PORTS):
        raise DestinationRefused("must use port 443 or 8443")
    host = _host(parts[1], parts[2], policy)
    return Destination(scheme, host, port, target if target.startswith("/") else f"/{target}")


def _host(ipv6: str | None, other: str | None, policy: Policy) -> str:
    if ipv6 is not None:
        return check_address(ipv6, policy)
    host = (other or "").lower()
    if _NUMERIC.fullmatch(host.rpartition(".")[2]):
        return check_address(host, policy)
    if host == "localhost" and policy.loopback:
        return host
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise DestinationRefused("must contain a full host name, without a dot at its end")
    return host


def check_address(text: str, policy: Policy) -> str:
    """The address in its usual form. DestinationRefused if it is not public."""
    try:
        address = ip_address(text)
    except ValueError:
        raise DestinationRefused("must contain a valid address") from None
    if not (_is_public(address) or (policy.loopback and address.is_loopback)):
        raise DestinationRefused("must lead to a public address")
    return str(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        refused = address.is_multicast or any(address in network for network in _REFUSED_IPV4)
        return address.is_global and not refused
    if address.scope_id is not None or address not in _UNICAST_IPV6:
        return False
    return address.is_global and not any(address in network for network in _REFUSED_IPV6)
