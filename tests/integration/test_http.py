"""The one place that talks to the network, against a small server of the test's own."""

from __future__ import annotations

import contextlib
import gzip
import os
import socket
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from config.json_value import parse_json
from integration import answers, guarded_session, http, retry
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
from integration.guard import HostPolicy
from integration.http import Effect, Instrumentation, Transport, clock_skew, retry_after


class Server:
    """Answers with whatever the test puts into `answers`, the last one again and again."""

    def __init__(self):
        self.answers, self.seen = [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                outer.seen.append((self.command, self.path, self.rfile.read(length), dict(self.headers)))
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                answer(self)

            do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def answer(status=200, body=b"{}", **headers):
    def send(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


@pytest.fixture
def server(settings):
    server = Server()
    settings.SANDBOX_URL = server.url
    yield server
    server.server.shutdown()


@pytest.fixture
def calls():
    return []


@pytest.fixture
def transport(server, calls):
    return Transport(
        "Vendor", server.url, HostPolicy(()), headers={"Authorization": "Bearer s3cret-token-value"},
        secrets=["s3cret-token-value"], wire=Instrumentation(record=calls.append), timeout=(1, 1),
    )  # fmt: skip


@pytest.mark.chaos("V4")
@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (400, RecordError, "record_refused"), (401, AuthError, "credentials_refused"),
        (402, TenantActionError, "account_closed"), (403, TenantActionError, "permission_missing"),
        (404, NotFound, "record_not_found"), (409, Conflict, "record_conflict"), (410, NotFound, "record_not_found"),
        (418, RecordError, "record_refused"), (422, RecordError, "record_refused"), (429, RateLimited, "rate_limited"),
        (500, TransientError, "vendor_unavailable"), (503, TransientError, "vendor_unavailable"),
        (302, TenantActionError, "address_refused"),
    ],
)  # fmt: skip
def test_each_status_has_its_error(server, transport, status, error, reason):
    server.answers = [answer(status, b"no", Location="http://127.0.0.1/")]

    with pytest.raises(IntegrationError) as raised:
        transport.request("POST", "/x", effect=Effect.WRITE)

    assert (type(raised.value), raised.value.reason) == (error, reason)
    assert "Vendor" in raised.value.public


@pytest.mark.chaos("V2")
def test_a_cloudflare_page_is_a_limit_and_not_a_missing_permission(server, transport):
    server.answers = [answer(403, b"<!DOCTYPE html><title>Attention</title>", Content_Type="text/html")]

    with pytest.raises(IntegrationError) as raised:
        transport.request("GET", "/x", effect=Effect.READ)

    assert (raised.value.reason, raised.value.retry_after) == ("rate_limited", retry.BLOCKED_CLIENT.base)


@pytest.mark.chaos("V1")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0), ("0", 0.0), ("-5", 0.0), ("1e9", retry.MAX_RETRY_AFTER), ("nan", None), ("soon", None),
        (None, None),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60.0),
    ],
)  # fmt: skip
def test_retry_after(header, seconds):
    assert retry_after(header, datetime(2026, 11, 21, 12, 0, tzinfo=UTC)) == seconds


@pytest.mark.chaos("V3")
def test_safe_calls_are_tried_again_and_others_never(server, transport):
    def cut(handler):
        handler.close_connection = True
        handler.connection.close()

    server.answers = [cut, answer()]
    assert transport.request("GET", "/x", effect=Effect.READ).status == 200

    server.answers, server.seen = [cut, answer()], []
    with pytest.raises(TransientError) as raised:
        transport.request("POST", "/x", effect=Effect.WRITE, json={})
    assert raised.value.reason == "vendor_unreachable"
    assert len(server.seen) == 1


def test_connections_are_kept_open(server, transport):
    ports = set()

    def note(handler):
        ports.add(handler.client_address[1])
        answer()(handler)

    server.answers = [note]
    for _ in range(5):
        transport.request("GET", "/x", effect=Effect.READ)

    assert len(ports) == 1


def test_a_forked_process_never_speaks_on_its_parents_connection(server, transport, monkeypatch):
    ports = []

    def note(handler):
        ports.append(handler.client_address[1])
        answer()(handler)

    server.answers = [note]
    transport.request("GET", "/x", effect=Effect.READ)
    monkeypatch.setattr(http.os, "getpid", lambda: -1)
    with contextlib.suppress(KeyError):  # it knows of its parent's connection only
        transport.request("GET", "/x", effect=Effect.READ)
        transport.request("GET", "/x", effect=Effect.READ)

    assert len(ports) == 3
    assert ports[0] != ports[1] == ports[2]


def test_neither_a_proxy_nor_a_password_of_the_host_is_used(server, transport, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login operator password of-the-host\n")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("HTTP_PROXY", "http://127.0.0.1:9"), ("http_proxy", "http://127.0.0.1:9"),
                        ("NETRC", str(tmp_path / "netrc"))):  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(http, "sessions", {})
    server.answers = [answer()]

    try:
        transport.request("GET", "/x", effect=Effect.READ)
    except TransientError:
        pytest.fail("it went to the proxy")

    assert server.seen[0][3]["Authorization"] == "Bearer s3cret-token-value"


@pytest.mark.chaos("V3")
@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux alone can be told")
def test_the_kernel_gives_a_call_up_when_we_do(server, transport, monkeypatch):
    opened = []
    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda self, to: (opened.append(self), connect(self, to))[1])
    monkeypatch.setattr(http, "sessions", {})
    server.answers = [answer()]

    transport.request("POST", "/x", effect=Effect.WRITE)

    milliseconds = [line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) for line in opened]
    assert milliseconds == [guarded_session.READ_TIMEOUT * 1000]


@pytest.mark.chaos("V3")
def test_an_answer_that_drips_in_is_cut_at_the_deadline(server, transport, monkeypatch):
    monkeypatch.setattr(answers, "TOTAL_DEADLINE", 0.6)

    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(50):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.1)

    server.answers = [drip]
    started = time.monotonic()

    with pytest.raises(TransientError):
        transport.request("POST", "/x", effect=Effect.WRITE)
    assert time.monotonic() - started < 3


@pytest.mark.chaos("V3")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_head_that_drips_in_is_cut_at_the_deadline_and_not_asked_for_again(server, transport, monkeypatch, method):
    monkeypatch.setattr(answers, "TOTAL_DEADLINE", 0.6)

    def drip(handler):
        for n in range(50):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n" if n == 0 else f"X-{n}: a\r\n".encode())
            handler.wfile.flush()
            time.sleep(0.1)

    server.answers = [drip]
    started = time.monotonic()

    with pytest.raises(TransientError) as raised:
        transport.request(method, "/x", effect=Effect.READ)
    assert time.monotonic() - started < 2
    assert "deadline" in raised.value.detail
    assert len(server.seen) == 1


@pytest.mark.chaos("V3")
def test_a_pause_does_not_stretch_the_deadline(server, monkeypatch):
    monkeypatch.setattr(answers, "TOTAL_DEADLINE", 0.3)
    patient = Transport("Acme", server.url, HostPolicy(("api.acme.example",)), headers={}, timeout=(5.0, 5.0))
    server.answers = [
        lambda handler: (handler.wfile.write(b"HTTP/1.1 200 OK\r\n"), handler.wfile.flush(), time.sleep(3))
    ]
    started = time.monotonic()

    with pytest.raises(TransientError):
        patient.request("POST", "/x", effect=Effect.WRITE)
    assert time.monotonic() - started < 1.5


@pytest.mark.chaos("V3")
def test_provisional_answers_without_end_are_cut_at_the_deadline(server, transport, monkeypatch):
    monkeypatch.setattr(answers, "TOTAL_DEADLINE", 0.6)

    def promise(handler):
        for _ in range(50):
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            handler.wfile.flush()
            time.sleep(0.1)

    server.answers = [promise]
    started = time.monotonic()

    with pytest.raises(TransientError):
        transport.request("POST", "/x", effect=Effect.WRITE)
    assert time.monotonic() - started < 2


@pytest.mark.chaos("V3")
@pytest.mark.parametrize("status", [100, 102, 103])
def test_a_provisional_answer_never_stands_for_the_next_ones(server, transport, status):
    def promise(handler):
        handler.wfile.write(f"HTTP/1.1 {status} Wait\r\nX-Early: yes\r\n\r\n".encode())
        answer(200, b'{"call": 1}')(handler)

    server.answers = [promise, answer(200, b'{"call": 2}')]

    assert transport.request("GET", "/1", effect=Effect.READ).json() == {"call": 1}
    assert transport.request("GET", "/2", effect=Effect.READ).json() == {"call": 2}


@pytest.mark.chaos("V3")
def test_a_huge_head_is_not_read(server, transport):
    def shout(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for n in range(90):
            handler.wfile.write(f"X-{n}: ".encode() + b"a" * 60_000 + b"\r\n")
        handler.wfile.write(b"Content-Length: 0\r\n\r\n")

    server.answers = [shout]

    with pytest.raises(TransientError) as raised:
        transport.request("POST", "/x", effect=Effect.WRITE)
    assert "larger than we read" in raised.value.detail


@pytest.mark.chaos("V3")
def test_a_line_is_used_again_after_an_answer_and_not_after_a_cut_one(server, transport, monkeypatch):
    monkeypatch.setattr(http, "sessions", {})
    server.answers = [answer(200, b"{}")] * 3
    transport.request("GET", "/x", effect=Effect.READ)
    transport.request("GET", "/x", effect=Effect.READ)
    [pool] = http.sessions[os.getpid()].get_adapter(server.url).poolmanager.pools._container.values()

    assert (pool.num_connections, pool.num_requests) == (1, 2)


@pytest.mark.chaos("V3")
def test_a_huge_answer_is_not_read(server, transport, monkeypatch):
    monkeypatch.setattr(answers, "MAX_ANSWER_BYTES", 10_000)
    server.answers = [answer(200, gzip.compress(b"0" * 5_000_000), Content_Encoding="gzip")]

    with pytest.raises(TransientError):
        transport.request("POST", "/x", effect=Effect.WRITE)


@pytest.mark.chaos("V3")
def test_a_silent_vendor_is_given_up(server, transport):
    server.answers = [lambda handler: time.sleep(3)]

    with pytest.raises(TransientError) as raised:
        transport.request("POST", "/x", effect=Effect.WRITE)
    assert raised.value.reason == "vendor_unreachable"


@pytest.mark.chaos("V6")
def test_success_that_is_not_json_is_a_contract_error(server, transport):
    server.answers = [answer(200, b"<html>")]

    with pytest.raises(ContractError):
        transport.request("GET", "/x", effect=Effect.READ).json()


@pytest.mark.chaos("H11")
def test_what_is_recorded_has_no_secret_and_no_address(server, transport, calls):
    server.answers = [answer(400, b'{"error": "s3cret-token-value for ada@example.com refused"}')]

    with pytest.raises(RecordError) as raised:
        transport.request(
            "POST",
            "/people/ada%40example.com",
            effect=Effect.WRITE,
            json={"email": "ada@example.com", "api_key": "k-12345678"},
        )

    [call] = calls
    text = f"{call.path} {call.request} {call.response} {raised.value.public} {raised.value.detail}"
    for secret in ("s3cret-token-value", "ada@example.com", "ada%40example.com", "k-12345678"):
        assert secret not in text
    assert (call.method, call.status) == ("POST", 400)


def test_cookies_of_one_tenant_never_reach_another(server, transport):
    server.answers = [answer(200, b"{}", Set_Cookie="session=tenant-a")]
    transport.request("GET", "/x", effect=Effect.READ)
    transport.request("GET", "/x", effect=Effect.READ)

    assert "Cookie" not in server.seen[1][3]


def test_the_vendors_clock_is_compared_with_ours():
    now = datetime(2026, 11, 20, 12, 0, 10, tzinfo=UTC)
    behind = "Fri, 20 Nov 2026 11:55:09 GMT"

    assert clock_skew(behind, 1.0, now) == 300.0
    assert clock_skew("Fri, 20 Nov 2026 12:00:09 GMT", 1.0, now) == 0.0
    for nothing in (None, "", "yesterday", "Fri, 99 Nov 2026 12:00:09 GMT"):
        assert clock_skew(nothing, 1.0, now) is None


def test_each_exchange_tells_the_skew(server, transport, calls):
    server.answers = [answer(200, b"{}")]
    transport.request("GET", "/now", effect=Effect.READ)

    [call] = calls
    assert call.skew is not None
    assert abs(call.skew) < 3


def test_a_secret_in_an_address_is_not_recorded(server, transport, calls):
    server.answers = [answer()]

    transport.request("GET", "/users/s3cret-token-value", effect=Effect.READ, params={"u": "s3cret-token-value"})

    assert calls[0].path == "/users/•••?u=•••"


def test_a_call_that_nobody_answered_is_recorded_too(server, transport, calls):
    server.server.shutdown()
    server.server.server_close()

    with pytest.raises(TransientError):
        transport.request("POST", "/x", effect=Effect.WRITE, json={"a": 1})

    assert [(call.method, call.path, call.status, call.request) for call in calls] == [("POST", "/x", 0, '{"a": 1}')]


def test_what_is_no_json_is_not_sent(server, transport):
    server.answers = [answer()]

    with pytest.raises(ValueError):
        transport.request("POST", "/x", effect=Effect.WRITE, json={"a": float("nan")})

    assert server.seen == []


def parsed(content):
    try:
        return parse_json(content)
    except ValueError:
        return "refused"
    except Exception as exc:
        return type(exc)


@pytest.mark.parametrize(
    ("content", "document"),
    [
        (b'{"a": "x\\u0000y\\ud800z"}', {"a": "xyz"}), (b'["\\u0000", {"\\u0000k": 1}]', ["", {"k": 1}]),
        (b"\xef\xbb\xbf{}", {}), (b"[" * 100_000, "refused"), (b"[1," * 100_000, "refused"),
        (b'{"a": NaN}', {"a": "NaN"}),
        (b'{"a": 1e999}', {"a": "1e999"}), (b"\xff", "refused"), (b"", "refused"),
    ],
)  # fmt: skip
def test_json_from_outside_can_be_stored_or_is_refused(content, document):
    assert parsed(content) == document


def test_a_401_is_answered_by_one_newer_token_in_the_same_call(server, calls):
    asked = []

    def renew(refused):
        asked.append(refused)
        return "new-token-0001" if refused == "old-token-0001" else None

    wire = Instrumentation(record=calls.append, renew=renew)
    headers = {"Authorization": "Bearer old-token-0001"}
    transport = Transport("Acme", server.url, HostPolicy((".acme.example",)), headers=headers, wire=wire)
    server.answers = [answer(401), answer(200, b'{"a": "new-token-0001"}'), answer(401)]

    assert transport.request("POST", "/x", json={"b": 1}, effect=Effect.WRITE).status == 200
    assert [row[3]["Authorization"] for row in server.seen] == ["Bearer old-token-0001", "Bearer new-token-0001"]
    assert [row[2] for row in server.seen] == [b'{"b": 1}'] * 2
    assert "new-token-0001" not in "".join(call.response for call in calls)
    with pytest.raises(AuthError):
        transport.request("GET", "/x", effect=Effect.READ)
    assert asked == ["old-token-0001", "new-token-0001"]


def test_a_date_to_wait_for_is_read_by_the_vendors_own_clock(server, transport):
    """Our clock may be wrong by more than the vendor wants us to wait."""

    def slow_down(handler):
        handler.send_response_only(429)
        handler.send_header("Date", "Tue, 01 Dec 2099 10:00:00 GMT")
        handler.send_header("Retry-After", "Tue, 01 Dec 2099 10:00:30 GMT")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.answers = [slow_down]

    with pytest.raises(RateLimited) as caught:
        transport.request("GET", "/x", effect=Effect.READ)
    assert caught.value.retry_after == 30
