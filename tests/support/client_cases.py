"""A vendor on loopback that answers what it is told, and the failures every client must turn into our errors."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from integration.errors import (
    AuthError,
    Conflict,
    ContractError,
    IntegrationError,
    NotFound,
    RateLimited,
    RecordError,
    TenantActionError,
    TransientError,
)

HTML = b"<!DOCTYPE html><html><body>Just a moment</body></html>"


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def decoded_path(self) -> str:
        return unquote(self.path)


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    play: Callable[[BaseHTTPRequestHandler], None] | None = None  # writes the whole answer itself, and hangs up


class Stub:
    """A loopback server. `answers` are given in order; without one left it answers 500."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.seen: list[Seen] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None: ...

            def _answer(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                query = parse_qsl(parts.query, keep_blank_values=True)
                stub.seen.append(Seen(self.command, parts.path, query, dict(self.headers.items()), body))
                answer = stub.answers.popleft() if stub.answers else Answer(500, b"no answer was prepared")
                time.sleep(answer.delay)
                if answer.play is not None:
                    self.close_connection = True
                    answer.play(self)
                else:
                    self._send(answer)

            def _send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(ConnectionError):  # who does not read on has given us up, as it should
                    self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def will(self, body: bytes = b"", status: int = 200, delay: float = 0.0, **headers: str) -> Stub:
        """Prepare one answer; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append(Answer(status, body, named, delay))
        return self

    @property
    def last(self) -> Seen:
        return self.seen[-1]


@dataclass(frozen=True)
class Case:
    """A failure and what must become of it."""

    name: str
    answer: Answer
    error: type[IntegrationError]
    reason: str
    retry_after: float | None = None

    def __str__(self) -> str:
        return self.name


CASES = (
    Case("401", Answer(401), AuthError, "credentials_refused"),
    Case("402", Answer(402), TenantActionError, "account_closed"),
    Case("403", Answer(403), TenantActionError, "permission_missing"),
    Case("403_html", Answer(403, HTML, {"Content-Type": "text/html"}), RateLimited, "rate_limited", 300),
    Case("404", Answer(404), NotFound, "record_not_found"),
    Case("409", Answer(409), Conflict, "record_conflict"),
    Case("410", Answer(410), NotFound, "record_not_found"),
    Case("422", Answer(422), RecordError, "record_refused"),
    Case("429", Answer(429, b"", {"Retry-After": "17"}), RateLimited, "rate_limited", 17),
    Case("500", Answer(500), TransientError, "vendor_unavailable"),
    Case("503", Answer(503, HTML, {"Retry-After": "60"}), TransientError, "vendor_unavailable", 60),
    Case("302", Answer(302, b"", {"Location": "http://127.0.0.1:1/"}), TenantActionError, "address_refused"),
)
WRONG_SHAPES = (HTML, b"[]", b"{}", b'"text"', b"{not json", b"\xff\xfe", b'{"success":true,"data":NaN]', b"[" * 5000)


def check(case: Case, stub: Stub, call: Callable[[], Any]) -> None:
    """Answer with the failure and look at what the call raises; it must have been tried just once."""
    stub.answers.append(case.answer)
    with pytest.raises(IntegrationError) as caught:
        call()
    assert type(caught.value) is case.error
    assert caught.value.reason == case.reason
    assert case.retry_after is None or caught.value.retry_after == case.retry_after
    assert len(stub.seen) == 1


def check_wrong_shape(body: bytes, stub: Stub, call: Callable[[], Any]) -> None:
    """A success in another shape is a contract error, never a crash."""
    stub.will(body)
    with pytest.raises(ContractError):
        call()
