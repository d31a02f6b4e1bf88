"""How much of a vendor's answer is read, and for how long: head and body, compressed or not, by any client of ours.

A vendor, or whoever stands in its place, chooses neither our memory nor our time.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import TYPE_CHECKING, Any

from urllib3.response import BaseHTTPResponse

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


TOTAL_DEADLINE = 60.0  # seconds for one answer, from the moment it is waited for, however slowly its bytes drip in
MAX_ANSWER_BYTES = 32 * 1024 * 1024  # as they come and once more after decompression
MAX_SIGN_IN_BYTES = 256 * 1024  # of an answer with tokens, which a library parses for us
MAX_HEAD_BYTES = 256 * 1024  # http.client alone would take a hundred lines of 64 KB, and any number of 1xx answers


class Unbounded(Exception):
    """An answer without end. No OSError on purpose: the HTTP library would take it for a broken line and ask again."""


class _Bytes(io.RawIOBase):
    """The bytes of one answer as they come, until its time or its size is over."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = time.monotonic() + TOTAL_DEADLINE
        self.left = MAX_HEAD_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Read what is there. Raises Unbounded, or TimeoutError where nothing came for the time of a read."""
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise Unbounded("the answer took longer than the total deadline")
        if self.left <= 0:
            raise Unbounded("the answer is larger than we read")
        patience = self._sock.gettimeout()
        self._sock.settimeout(seconds if patience is None else min(seconds, patience))
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if patience is not None and patience <= seconds:
                raise
            raise Unbounded("the answer took longer than the total deadline") from None
        finally:
            self._sock.settimeout(patience)
        self.left -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class BoundedResponse(http.client.HTTPResponse):
    """An answer whose head and body are read through `_Bytes`."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self._bytes = _Bytes(sock)
        self.fp = io.BufferedReader(self._bytes)

    def begin(self) -> None:
        """Read the head, which has a limit of its own. Provisional answers are passed over, whichever they are."""
        super().begin()
        while 100 <= self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()
        self._bytes.left = MAX_ANSWER_BYTES


def read_body(raw: BaseHTTPResponse, most_bytes: int) -> bytes:
    """Read and decompress a body, up to a size. Raises Unbounded, and urllib3's errors of a broken line."""
    chunks: list[bytes] = []
    size = 0
    while chunk := raw.read1(65536, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > min(most_bytes, MAX_ANSWER_BYTES):
            raise Unbounded("the answer is larger than we read")
    return b"".join(chunks)
