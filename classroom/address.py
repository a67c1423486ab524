"""Who is calling: the address of the peer, or what proxies that we trust say of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web


def address_of(request: web.BaseRequest, trusted: Sequence[str]) -> str:
    """The caller's address. `X-Forwarded-For` counts only as far as it was written by `trusted` proxies (addresses or
    networks): read from its end, the first address that is not one of theirs is the caller's."""
    address = request.remote or ""
    if not trusted:
        return address
    networks = _networks(tuple(trusted))
    hops = [hop.strip() for line in request.headers.getall("X-Forwarded-For", ()) for hop in line.split(",")]
    while hops and _within(address, networks):
        hop = _bare(hops.pop())
        if hop is None:
            break
        address = hop
    return address


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each) for each in trusted)


def _within(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        return any(ip.ipv4_mapped in network for network in networks)
    return any(ip in network for network in networks)


def _bare(hop: str) -> str | None:
    """The address in an entry of the header, which may carry a port or brackets; None: there is none."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ip_address(hop))
    except ValueError:
        return None
