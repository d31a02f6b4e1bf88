"""What a handler gets and gives: the call, XML and JSON answers, and the one way errors look."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring
from zoneinfo import ZoneInfo

from defusedxml.ElementTree import ParseError, fromstring
from starlette.responses import Response

from sandbox.http import Incoming, Refused, reply
from sandbox.maileon.model import Account
from sandbox.state import Sandbox

T = TypeVar("T")
XML = "application/vnd.maileon.api+xml; charset=utf-8"
MAX_PAGE_SIZE = 1000
BERLIN = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True)
class Call:
    sandbox: Sandbox
    account: Account
    incoming: Incoming
    params: dict[str, str]

    @property
    def query(self) -> dict[str, str]:
        return dict(self.incoming.query)

    def many(self, name: str) -> list[str]:
        return self.incoming.query.getlist(name)

    def flag(self, name: str, default: bool = False) -> bool:
        raw = self.incoming.query.get(name)
        if raw is None:
            return default
        if raw not in ("true", "false"):
            error(400, f"{name} must be true or false but was {raw}")
        return raw == "true"

    def number(self, name: str, default: int | None = None) -> int:
        raw = self.incoming.query.get(name)
        if raw is None and default is not None:
            return default
        if raw is None or not raw.lstrip("-").isdigit():
            error(400, f"{name} must be an integer but was {raw}")
        return int(raw)

    def now(self) -> str:
        return stamp(self.sandbox)


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    handler: Handler


def stamp(sandbox: Sandbox) -> str:
    return local(sandbox, sandbox.clock.now()) + ".0"


def local(sandbox: Sandbox, moment: datetime) -> str:
    """A moment as the vendor writes it, without saying in which zone."""
    zone = UTC if "maileon.zone" in sandbox.thrown else BERLIN
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def error(status: int, message: str) -> NoReturn:
    root = Element("error")
    SubElement(root, "message").text = message
    raise Refused(xml(root, status))


def xml(root: Element, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="utf-8")
    response = Response(body, status, headers)
    response.headers["content-type"] = XML
    return response


def number_reply(tag: str, value: int, status: int = 200) -> Response:
    root = Element(tag)
    root.text = str(value)
    return xml(root, status)


def empty(status: int = 204) -> Response:
    return Response(b"", status)


def child(parent: Element, tag: str, value: Any) -> Element:
    """Add an element; None is written as nil="true"."""
    made = SubElement(parent, tag)
    if value is None:
        made.set("nil", "true")
    else:
        made.text = text_of(value)
    return made


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def is_json(call: Call) -> bool:
    return "json" in call.incoming.headers.get("content-type", "")


def wants_json(call: Call) -> bool:
    accept = call.incoming.headers.get("accept", "")
    return "json" in accept and "xml" not in accept


def raw_body(call: Call) -> bytes:
    if call.incoming.headers.get("content-encoding", "") != "gzip":
        return call.incoming.body
    try:
        return gzip.decompress(call.incoming.body)
    except OSError:
        error(400, "Request body is not gzip")


def json_body(call: Call) -> Any:
    try:
        return json.loads(raw_body(call))
    except ValueError:
        error(400, "Request body is not valid JSON")


def xml_body(call: Call, tag: str) -> Element:
    try:
        root: Element = fromstring(raw_body(call))
    except (ParseError, ValueError):
        error(400, "Request body is not valid XML")
    if root.tag != tag:
        error(400, f"Expected element {tag} but found {root.tag}")
    return root


def page(call: Call, items: Sequence[T], *, default_index: int | None = 1) -> tuple[Sequence[T], dict[str, str]]:
    """Return the asked page and its headers; /contacts has no default page index."""
    index, size = call.number("page_index", default_index), call.number("page_size", 100)
    if index < 1:
        error(400, f"page_index must be at least 1 but was {index}")
    if size < 1:
        error(400, f"page_size must be at least 1 but was {size}")
    if size > MAX_PAGE_SIZE:
        error(400, f"page_size must not exceed {MAX_PAGE_SIZE} but was {size}")
    pages = max(1, math.ceil(len(items) / size))
    headers = {"X-Pages": str(pages), "X-Items": str(len(items)), "Link": _links(call, index, pages)}
    return items[(index - 1) * size : index * size], headers


def _links(call: Call, index: int, pages: int) -> str:
    targets = {"start": 1, "prev": index - 1, "next": index + 1}
    base = call.sandbox.base_url + call.incoming.path
    rest = [(key, value) for key, value in call.incoming.query.multi_items() if key != "page_index"]
    links = []
    for rel, number in targets.items():
        if 1 <= number <= pages:
            query = "&".join(f"{key}={quote(value)}" for key, value in [*rest, ("page_index", str(number))])
            links.append(f'<{base}?{query}>; rel="{rel}"')
    return ", ".join(links)


def json_reply(data: Any, status: int = 200) -> Response:
    return reply(data, status)
