"""Answers that want our memory or our time, as a broken or a wicked server gives them."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

PAUSE = 0.05  # seconds between two drops
DROPS = 60


@dataclass(frozen=True)
class Hostile:
    """One such answer. `play` writes it to the line, status line included."""

    name: str
    play: Callable[[BaseHTTPRequestHandler], None]

    def __str__(self) -> str:
        return self.name


def _head(handler: BaseHTTPRequestHandler, *lines: str) -> None:
    handler.wfile.write("".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *lines)).encode())


def _dripping(handler: BaseHTTPRequestHandler, drop: bytes) -> None:
    for _ in range(DROPS):
        with suppress(OSError):  # the client has hung up, as it should
            handler.wfile.write(drop)
            handler.wfile.flush()
        time.sleep(PAUSE)


def slow_head(handler: BaseHTTPRequestHandler) -> None:
    """Each line of the head comes in time, and there is always another one."""
    _head(handler)
    _dripping(handler, b"X-More: to come\r\n")


def slow_body(handler: BaseHTTPRequestHandler) -> None:
    """One character after the other."""
    _head(handler, "Content-Type: application/json", "Content-Length: 1000000", "")
    _dripping(handler, b" ")


def endless_body(handler: BaseHTTPRequestHandler) -> None:
    """As fast as the line allows, without an end."""
    _head(handler, "Content-Type: application/json", "Connection: close", "")
    with suppress(OSError):
        for _ in range(200):
            handler.wfile.write(b"[" * 65536)


def bomb(handler: BaseHTTPRequestHandler) -> None:
    """Small on the line, large in memory."""
    body = gzip.compress(b"0" * 8_000_000)
    _head(handler, "Content-Encoding: gzip", f"Content-Length: {len(body)}", "")
    with suppress(OSError):
        handler.wfile.write(body)


def huge_head(handler: BaseHTTPRequestHandler) -> None:
    """Five megabytes of headers."""
    _head(handler)
    with suppress(OSError):
        for n in range(90):
            handler.wfile.write(f"X-{n}: ".encode() + b"a" * 60_000 + b"\r\n")


HOSTILE = tuple(Hostile(play.__name__, play) for play in (slow_head, slow_body, endless_body, bomb, huge_head))
