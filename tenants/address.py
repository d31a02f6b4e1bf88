"""Where a request comes from: the one rule for everything that counts by address.

`TRUSTED_PROXIES` says how many proxies stand before us. Each appends to X-Forwarded-For the address it was called from,
so that the entry of the outermost one of ours is that many from the right; what stands left of it anybody can write.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest
from ipware import get_client_ip

HEADER = "HTTP_X_FORWARDED_FOR"
UNKNOWN = "unknown"
OWN_BITS, NETWORK_BITS = {4: 32, 6: 64}, {4: 24, 6: 48}  # who has one address of IPv6 has all of its /64


def client_address(request: HttpRequest) -> str | None:
    """The client's address; that of whoever called us where the header has too few entries, or one that is none."""
    direct = request.META.get("REMOTE_ADDR") or None
    proxies = settings.TRUSTED_PROXIES
    if proxies < 1:
        return direct
    seen = HttpRequest()
    seen.META = {HEADER: ",".join(request.META.get(HEADER, "").split(",")[-proxies:])}
    told, _ = get_client_ip(seen, proxy_count=proxies - 1, request_header_order=[HEADER], strict=True)
    return told or direct


def place(address: str | None) -> str:
    """What one client has to itself: an address of IPv4, a /64 of IPv6."""
    return _within(address, OWN_BITS)


def network(address: str | None) -> str:
    """What one provider's customer or machine park may have: a /24 of IPv4, a /48 of IPv6."""
    return _within(address, NETWORK_BITS)


def _within(address: str | None, bits: dict[int, int]) -> str:
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return UNKNOWN
    found = getattr(found, "ipv4_mapped", None) or found  # a socket for both kinds names IPv4 clients so
    return str(ip_network(f"{found}/{bits[found.version]}", strict=False))
