"""Hosts on one machine: network namespaces, each with a cable to the outside that can be pulled. Needs root, iproute2.

The outside has an address for each service, so that one of them can fall silent: nothing is refused, nothing answers.
The addresses exist on this machine alone, and what is sent to a pulled cable goes nowhere.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

NET = f"10.213.{os.getpid() % 256}"  # of this test process, should another one have hosts as well
OUTSIDE, DATABASE, QUEUE = f"{NET}.1", f"{NET}.2", f"{NET}.3"


@dataclass(frozen=True)
class Host:
    """One host. `outlet` is the outside end of its cable."""

    name: str
    address: str
    outlet: str

    def command(self, arguments: list[str]) -> list[str]:
        """The command line that runs a program on this host, with the id it would have had."""
        return ["ip", "netns", "exec", self.name, *arguments]

    def cut(self) -> None:
        """Pull the cable: what runs on goes on, and reaches nobody."""
        _ip("link", "set", self.outlet, "down")

    def mend(self) -> None:
        """Put it back."""
        _ip("link", "set", self.outlet, "up")


def silence(service: str, *hosts: Host) -> None:
    """Let the service at this address (DATABASE, QUEUE) answer nothing more, to none of the hosts."""
    for host in hosts:
        _ip("address", "del", service, "peer", host.address, "dev", host.outlet)


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts, taken down with the block. Raises OSError or CalledProcessError where there can be none."""
    with ExitStack() as undo:
        _ip("route", "add", "blackhole", f"{NET}.0/24")
        undo.callback(_ip, "route", "del", "blackhole", f"{NET}.0/24")
        yield _host("a", f"{NET}.11", undo), _host("b", f"{NET}.12", undo)


def _host(letter: str, address: str, undo: ExitStack) -> Host:
    host = Host(f"lockstep-{letter}-{os.getpid()}", address, f"ls{letter}{os.getpid()}")
    _ip("netns", "add", host.name)
    undo.callback(_ip, "netns", "del", host.name)
    _ip("link", "add", host.outlet, "type", "veth", "peer", "name", "cable", "netns", host.name)
    undo.callback(_ip, "link", "del", host.outlet)  # a namespace that is deleted lives as long as what runs in it
    for service in (OUTSIDE, DATABASE, QUEUE):
        _ip("address", "add", service, "peer", address, "dev", host.outlet)
    _ip("link", "set", host.outlet, "up")
    for link in ("cable", "lo"):
        _ip("-n", host.name, "link", "set", link, "up")
    _ip("-n", host.name, "address", "add", f"{address}/24", "dev", "cable")
    return host


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)
