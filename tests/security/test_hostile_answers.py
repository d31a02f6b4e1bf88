"""What a vendor, or whoever stands in its place, answers: bounded in size, depth, time and head, and told as values."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from config.json_value import MOST_DEPTH, parse_json, whole_number
from integration import answers, guard
from integration.connectors.base import FieldSpec
from integration.connectors.hubspot import oauth as hubspot_oauth
from integration.connectors.maileon import xml
from integration.connectors.pipedrive import oauth as pipedrive_oauth
from integration.engine.flow.mapping_row import MappingRow
from integration.engine.mapping import conversions, transforms
from integration.engine.sync import two_way
from integration.errors import ContractError, IntegrationError, TransientError
from integration.guard import AddressRefused, HostPolicy
from integration.http import Effect, Transport

MB = 1024 * 1024
MOST_MEMORY = 400 * MB  # beside the document's own bytes, of which we read 32 MB


class Hostile:
    """Answers every call with the bytes it was made with, and goes on as long as somebody reads."""

    def __init__(self, parts: Callable[[], Iterator[bytes]]) -> None:
        self.parts, self.listening = parts, socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.calls = 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                line, _ = self.listening.accept()
            except OSError:
                return
            self.calls += 1
            threading.Thread(target=self.answer, args=(line,), daemon=True).start()

    def answer(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            line.recv(65536)
            for part in self.parts():
                line.sendall(part)

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join()


def head(more: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{more}\r\n".encode()


def whole(body: bytes, encoding: str) -> Iterator[bytes]:
    yield head(f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n") + body


def forever(first: bytes, again: bytes, pause: float = 0.0) -> Iterator[bytes]:
    yield first
    while True:
        time.sleep(pause)
        yield again


def bomb(levels: int) -> bytes:
    body = b"[" + b" " * (200 * MB) + b"]"
    for _ in range(levels):
        body = gzip.compress(body, 6)
    return body


BOMB, TWICE, DEFLATED = bomb(1), bomb(2), zlib.compress(b" " * (200 * MB))
HOSTILE: dict[str, Callable[[], Iterator[bytes]]] = {
    "gzip bomb": lambda: whole(BOMB, "gzip"),
    "deflate bomb": lambda: whole(DEFLATED, "deflate"),
    "bomb in a bomb": lambda: whole(TWICE, "gzip, gzip"),
    "encodings without end": lambda: whole(gzip.compress(b"{}"), ", ".join(["gzip"] * 500)),
    "broken gzip": lambda: whole(b"\x1f\x8b" + b"x" * 500, "gzip"),
    "body without end": lambda: forever(head(), b" " * 65536),
    "chunks without end": lambda: forever(head("Transfer-Encoding: chunked\r\n"), b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "chunk with a huge size": lambda: forever(head("Transfer-Encoding: chunked\r\n"), b"f" * 4096),
    "chunks that drip": lambda: forever(head("Transfer-Encoding: chunked\r\n"), b"1\r\n \r\n", 0.1),
    "body that drips": lambda: forever(head("Content-Length: 100000\r\n"), b" ", 0.1),
    "head without end": lambda: forever(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 500),
    "one line without end": lambda: forever(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 65536),
    "head that drips": lambda: forever(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", 0.1),
    "status without end": lambda: forever(b"HTTP/1.1 200 ", b"O" * 65536),
    "provisional answers without end": lambda: forever(b"", b"HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n" * 50),
    "provisional answers that drip": lambda: forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.1),
    "trailers without end": lambda: forever(head("Transfer-Encoding: chunked\r\n") + b"0\r\n", b"X-A: b\r\n" * 500),
    "nothing": lambda: forever(b"", b"", 0.1),
}  # fmt: skip
SECONDS = 1.0


@pytest.fixture(params=HOSTILE)
def hostile(request, settings, monkeypatch):
    """A vendor of this kind, in our place of the sandbox; we wait a second instead of a minute."""
    monkeypatch.setattr(answers, "TOTAL_DEADLINE", SECONDS)
    server = Hostile(HOSTILE[request.param])
    settings.SANDBOX_URL = server.url
    yield server
    server.close()


def measured(call: Callable[[], object]) -> tuple[BaseException | None, float, int]:
    """What a call raises, its seconds, and the most memory it took."""
    tracemalloc.start()
    started = time.monotonic()
    try:
        call()
        raised = None
    except Exception as exc:
        raised = exc
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return raised, time.monotonic() - started, peak


def test_a_hostile_answer_is_given_up_in_time_and_within_bounds(hostile):
    transport = Transport("Vendor", hostile.url, HostPolicy(()), headers={}, timeout=(1, 1))

    raised, seconds, peak = measured(lambda: transport.request("POST", "/x", effect=Effect.WRITE).json())

    assert isinstance(raised, TransientError), raised
    assert seconds < SECONDS + 4
    assert peak < MOST_MEMORY
    assert hostile.calls == 1


@pytest.mark.parametrize("oauth", [pipedrive_oauth, hubspot_oauth], ids=["pipedrive", "hubspot"])
def test_a_hostile_answer_to_a_sign_in_is_given_up_as_well(oauth, hostile):
    raised, seconds, peak = measured(lambda: oauth.exchange_code("id", "secret", "code", "https://hub.example.com/x"))

    assert isinstance(raised, IntegrationError), raised
    assert seconds < SECONDS + 4
    assert peak < 100 * MB


ENDLESS = [
    b'{"access_token":"a","refresh_token":"r","api_domain":"https://acme.pipedrive.com","expires_in":%b}' % lifetime
    for lifetime in (b"1e999", b"1e300", b"-1e300", b"NaN")
]


@pytest.mark.parametrize("oauth", [pipedrive_oauth, hubspot_oauth], ids=["pipedrive", "hubspot"])
@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"[" + b"[]," * 3_000_000 + b"[]]", *ENDLESS],
    ids=["deep", "many", "infinite", "for ever", "since ever", "no number"],
)  # fmt: skip
def test_a_hostile_document_with_tokens_is_an_error_of_the_vendor(oauth, body, settings):
    server = Hostile(lambda: whole(body, "identity"))
    settings.SANDBOX_URL = server.url
    try:
        raised, seconds, peak = measured(
            lambda: oauth.exchange_code("id", "secret", "code", "https://hub.example.com/")
        )
    finally:
        server.close()

    assert isinstance(raised, IntegrationError), raised
    assert seconds < 5
    assert peak < 100 * MB


SIZE = answers.MAX_ANSWER_BYTES
DOCUMENTS = {
    "empty lists": b"[" + b"[]," * (SIZE // 3 - 2) + b"[]]",
    "empty objects": b"[" + b"{}," * (SIZE // 3 - 2) + b"{}]",
    "objects": b"[" + b'{"a":1},' * (SIZE // 8 - 2) + b"{}]",
    "numbers": b"[" + b"1," * (SIZE // 2 - 2) + b"1]",
    "large numbers": b"[" + b"12345678," * (SIZE // 9 - 2) + b"1]",
    "keys": b"{" + b",".join(b'"%d":0' % number for number in range(2_500_000)) + b"}",
    "just as many as we read": b"[" + b'{"a":1},' * 333_000 + b"{}]",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_parsing_the_largest_answer_takes_no_gigabytes(name):
    content = DOCUMENTS[name]
    assert len(content) <= SIZE

    raised, seconds, peak = measured(lambda: parse_json(content))

    assert (raised is None) == (name == "just as many as we read")
    assert raised is None or isinstance(raised, ValueError)
    assert peak < MOST_MEMORY
    assert seconds < 30


@pytest.mark.parametrize("tag", [b"<a/>", b"<a></a>", b"<a b='c'/>"])
def test_parsing_the_largest_xml_takes_no_gigabytes(tag):
    content = b"<contacts>" + tag * ((SIZE - 30) // len(tag)) + b"</contacts>"

    raised, seconds, peak = measured(lambda: xml.parse(content))

    assert isinstance(raised, ContractError)
    assert peak < MOST_MEMORY
    assert seconds < 30


def test_deep_documents_are_refused_and_no_recursion_error():
    for depth in (MOST_DEPTH + 1, 500, 990, 5_000, 400_000):
        for content in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
            with pytest.raises(ValueError, match="deep"):
                parse_json(content)
        tags = min(depth, 300_000)
        with pytest.raises(ContractError):
            xml.parse(b"<a>" * tags + b"</a>" * tags)
    assert parse_json(b"[" * MOST_DEPTH + b"]" * MOST_DEPTH)


def test_many_shallow_lists_are_not_deep():
    assert len(parse_json(b"[" + b"[[]]," * 5000 + b"[]]")) == 5001


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity"), ("1e999999999", "1e999999999"),
        ("-1e999999999", "-1e999999999"), ("9" * 5000, "9" * 5000), ("-" + "9" * 5000, "-" + "9" * 5000),
        ("9" * 5000 + ".5", "9" * 5000 + ".5"), ("9" * 19, "9" * 19), ("9" * 18, int("9" * 18)), ("-1", -1),
        ("-" + "9" * 18, -int("9" * 18)), ('"a\\ud800b"', "ab"), ('"a\\u0000b"', "ab"), ("1.5", 1.5),
    ],
)  # fmt: skip
def test_odd_values_are_told_as_values_and_spoil_no_page(written, value):
    page = parse_json(f'{{"data": [{{"id": 1, "value": {written}}}, {{"id": 2, "value": 5}}]}}'.encode())

    assert page["data"] == [{"id": 1, "value": value}, {"id": 2, "value": 5}]


NUMBERS = [
    Decimal("1e999999999"), Decimal("-1e999999999"), Decimal("0e999999999"), Decimal("1e-999999999"), Decimal("NaN"),
    Decimal("sNaN"), Decimal("Infinity"), "1e999999999", "-1e999999999", "1e-999999999", "9" * 5000, "0." + "9" * 5000,
    "1" * MB, "NaN", "-Infinity", float("inf"), float("nan"), 1e308, -1e308, 5e-324, 10**18, "²", "١٢٣", "1_000",
    "0x10", "1,5", "\x00", "1\ud800", "e", "-", [], {}, {"value": "1e999999999"}, [["9" * 5000]],
]  # fmt: skip


@pytest.mark.parametrize("target", ["number", "money", "integer", "text", "date", "datetime", "boolean", "json"])
@pytest.mark.parametrize("transform", sorted(transforms.TRANSFORMS))
def test_no_number_stops_or_breaks_a_mapping(transform, target):
    fields = {"t": FieldSpec("t", "Target", target)}
    for number in NUMBERS:
        started = time.monotonic()
        mapped = transforms.apply(
            [MappingRow("s", "t", transform, {"with": ["s"]})], {"s": number}, source_fields={}, target_fields=fields
        )
        assert time.monotonic() - started < 1, number
        if target in ("number", "money", "integer") and "t" in mapped.values and mapped.values["t"] is not None:
            assert abs(mapped.values["t"]) <= conversions.LARGEST, number
        assert all(len(problem) < 400 for problem in mapped.problems.values()), mapped.problems


@pytest.mark.parametrize("number", [number for number in NUMBERS if isinstance(number, float | int)])
@pytest.mark.parametrize("places", [0, 2, 9])
def test_rounding_takes_any_number(number, places):
    found = conversions.rounded(number, places)
    assert found == number or abs(found - number) <= 1 or found != found


def test_numbers_that_are_none_are_compared_as_they_are_written():
    assert not two_way.alike("9" * 400, "8" * 400)
    assert not two_way.alike("1e999", "Infinity")
    assert two_way.alike("NaN", "NaN")
    assert two_way.alike("5.0", 5)


@pytest.mark.parametrize("text", ["", "²", "1.5", "-1", " 1", "9" * 19, "9" * 5000, "١"])
def test_what_is_no_whole_number_of_ours_is_none(text):
    assert whole_number(text) is None
    assert whole_number("9" * 18) == int("9" * 18)


INSIDE = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "93.184.215.14")  # the last is public, and still no vendor's


def embedded(address: str) -> list[str]:
    """Every form of IPv6 in which an address of IPv4 is written."""
    a, b, c, d = map(int, address.split("."))
    high, low = f"{a:02x}{b:02x}", f"{c:02x}{d:02x}"
    flipped = f"{a ^ 255:02x}{b ^ 255:02x}:{c ^ 255:02x}{d ^ 255:02x}"
    return [
        f"::ffff:{address}", f"::ffff:{high}:{low}", f"::{address}", f"::{high}:{low}", f"2002:{high}:{low}::",
        f"2002:{high}:{low}::1", f"2001:0:4136:e378:8000:63bf:{flipped}", f"2001::{high}:{low}", f"64:ff9b::{address}",
        f"64:ff9b:1::{address}", f"64:ff9b:1:2:3:4:{high}:{low}", f"2606:4700::5efe:{address}",
        f"2606:4700::200:5efe:{address}", f"fe80::5efe:{address}", f"::ffff:0:{address}",
        f"0:0:0:0:0:ffff:{high}:{low}", f"2606:4700::1111%{a}",
    ]  # fmt: skip


LITERALS = (
    "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "1572395534", "0x5db8d70e",
    "0135.0270.0327.016", "93.184.55054", "0x5d.0xb8.0xd7.0xe", "0", "[::1]", "93.184.215.14", "2606:4700::1111",
    "[2606:4700::1111]", "fe80::1%eth0", "2606:4700::1111%1",
)  # fmt: skip


@pytest.mark.parametrize("address", [form for inside in INSIDE for form in embedded(inside)])
def test_no_address_with_another_one_inside_is_public(address, settings, monkeypatch):
    settings.SANDBOX_URL = ""
    assert not guard.is_public(address)
    with pytest.raises(AddressRefused):  # at save
        HostPolicy((".pipedrive.com",)).check(f"https://[{address}]")
    answer = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 443, 0, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: answer)
    with pytest.raises(AddressRefused):  # when the socket opens
        guard.checked_address("acme.pipedrive.com", 443)


@pytest.mark.parametrize("host", LITERALS)
def test_no_address_stands_for_a_name(host, settings, monkeypatch):
    settings.SANDBOX_URL = ""
    with pytest.raises(AddressRefused):
        HostPolicy((".pipedrive.com", "api.maileon.com")).check(f"https://{host}")
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: answer)
    with pytest.raises(AddressRefused):
        guard.checked_address(host, 443)
    assert guard.checked_address("acme.pipedrive.com", 443) == "93.184.215.14"
