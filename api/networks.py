"""The networks that limits count as one client."""

import ipaddress


def network_of(host: str) -> str:
    """The key of a client address: the IPv4 address, also if mapped into IPv6, or the IPv6 /64 network.

    A /64 is the smallest network that providers assign, so one customer can use all of its addresses.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address), 64), strict=False))


def site_of(host: str) -> str:
    """The key of the surroundings of a client address: the IPv4 /24 or IPv6 /48 network, as given to one site."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((int(address), 48), strict=False))
        address = address.ipv4_mapped
    return str(ipaddress.IPv4Network((int(address), 24), strict=False))
