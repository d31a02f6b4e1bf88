"""Which hosts we may call: the vendor's own public ones, checked by name and again by address when a socket opens.

A tenant types its Pipedrive or Planhat URL; this keeps it from pointing inside our network, also when DNS changes
its answer between check and call. One setting, SANDBOX_URL, names the only other origin that is allowed.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError

from integration.answers import BoundedResponse

# Forms of IPv6 that carry an address of IPv4, which a gateway or the kernel would go on to. No vendor has such a one.
EMBEDDING = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "::/96",  # v4-compatible
            "::ffff:0:0/96",  # v4-mapped
            "::ffff:0:0:0/96",  # v4-translated
            "64:ff9b::/96",  # NAT64
            "64:ff9b:1::/48",  # NAT64 of one network's own
            "2001::/32",  # Teredo
            "2002::/16",  # 6to4
        ),
    )
)
ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})  # the upper half of such an interface id, whatever its network


class AddressRefused(ValueError):
    """This address is not one of the vendor's public hosts. `public` says so without revealing what was found."""

    def __init__(self, public: str) -> None:
        super().__init__(public)
        self.public = public


@dataclass(frozen=True)
class HostPolicy:
    """The hosts of one vendor: exact names, or suffixes that start with a dot (`.pipedrive.com`)."""

    hosts: tuple[str, ...]

    def check(self, url: str) -> str:
        """Return `url` without a trailing slash, or raise AddressRefused."""
        parts = _split(url)
        sandbox = _origin(settings.SANDBOX_URL or "")
        if sandbox is not None and _origin(url) == sandbox:
            return url.rstrip("/")
        _refuse_odd(parts, url)
        if not self._covers((parts.hostname or "").lower()):
            names = ", ".join("*" + name if name.startswith(".") else name for name in self.hosts)
            raise AddressRefused(f"This address does not belong to the vendor. Expected: {names}.")
        return url.rstrip("/")

    def _covers(self, host: str) -> bool:
        return any(host.endswith(name) if name.startswith(".") else host == name for name in self.hosts)


def _refuse_odd(parts: SplitResult, url: str) -> None:
    """Raise AddressRefused for anything but a plain https:// address without query."""
    if parts.scheme != "https" or parts.username or parts.password or parts.port not in (None, 443):
        raise AddressRefused("Only plain https:// addresses are accepted.")
    if parts.query or parts.fragment or "\\" in url or not (parts.hostname or "").isascii():
        raise AddressRefused("This is not a plain address.")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as exc:
        raise AddressRefused("This is not an address.") from exc
    return parts


def _origin(url: str) -> tuple[str, str, int | None] | None:
    parts = _split(url)
    if not parts.hostname or parts.username or parts.password:
        return None
    return parts.scheme, parts.hostname, parts.port


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the public internet, plainly: with no zone and no other address inside."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and (ip.scope_id is not None or embeds_ipv4(ip)):
        return False
    return ip.is_global and not ip.is_multicast


def embeds_ipv4(ip: ipaddress.IPv6Address) -> bool:
    """Whether an address is, in any of the known forms, another name for one of IPv4."""
    return any(ip in network for network in EMBEDDING) or (int(ip) >> 32) & 0xFFFF_FFFF in ISATAP


def is_literal(host: str) -> bool:
    """Whether a host is an address and no name, also in forms that only the C library knows (0x7f.1, 2130706433)."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        try:
            socket.inet_aton(host)
        except OSError:
            return False
    return True


_trusted: ContextVar[tuple[str, int] | None] = ContextVar("trusted_origin", default=None)


@contextmanager
def trusting(url: str) -> Iterator[None]:
    """Let calls made inside reach this one host and port at a private address, too: an address the operators set."""
    parts = _split(url)
    token = _trusted.set((parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)))
    try:
        yield
    finally:
        _trusted.reset(token)


def checked_address(host: str, port: int) -> str:
    """Resolve `host` once and return the address to connect to. Raises AddressRefused unless every answer is public."""
    sandbox = _origin(settings.SANDBOX_URL or "")
    addresses = [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if sandbox and (host, port) == (sandbox[1], sandbox[2]):
        return addresses[0]
    if addresses and _trusted.get() == (host, port):
        return addresses[0]
    if is_literal(host) or not addresses or not all(is_public(address) for address in addresses):
        raise AddressRefused("This address does not lead to a public host of the vendor.")
    return addresses[0]


class _Checked:
    """Mixin: look the name up through `checked_address` and connect to just that address."""

    _dns_host: str
    port: int

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            self._dns_host = checked_address(name, self.port)
        except socket.gaierror as exc:
            raise NameResolutionError(name, self, exc) from exc  # type: ignore[arg-type]
        try:
            return super()._new_conn()  # type: ignore[misc, no-any-return]
        finally:
            self._dns_host = name


class _HTTPConnection(_Checked, HTTPConnection):
    response_class = BoundedResponse


class _HTTPSConnection(_Checked, HTTPSConnection):
    response_class = BoundedResponse


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


POOL_CLASSES = {"http": _HTTPPool, "https": _HTTPSPool}


def refusal_in(exc: BaseException | None) -> AddressRefused | None:
    """Find an AddressRefused among the causes of a library's exception."""
    while exc is not None:
        if isinstance(exc, AddressRefused):
            return exc
        exc = exc.__cause__ or exc.__context__
    return None
