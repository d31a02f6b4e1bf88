"""The plumbing under Maileon's client: auth, media types, error words, paging. Knows no nouns."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element

from config.json_value import JSONValue, whole_number
from integration.connectors.base import Credentials
from integration.connectors.maileon import xml
from integration.errors import AuthError, ContractError, RecordError, TenantActionError
from integration.guard import HostPolicy
from integration.http import Effect, Instrumentation, Reply, Transport
from integration.reasons import Reason

POLICY = HostPolicy(("api.maileon.com",))
BASE_URL = "https://api.maileon.com/1.0"
XML = "application/vnd.maileon.api+xml; charset=utf-8"
CONTACT_JSON = "application/vnd.maileon.api+json; charset=utf-8"
JSON = "application/json; charset=utf-8"
PAGE_SIZE = 1000  # more is refused (maileon sheet §1)

# 401 and 403 mean different things to the person who must act (maileon sheet §1, §7).
ERRORS = {
    401: (
        AuthError,
        Reason.CREDENTIALS_REFUSED,
        "does not accept the API key. Either it was deactivated, or its validity period is over, or characters are "
        "missing at its beginning or end",
    ),
    403: (TenantActionError, Reason.PERMISSION_MISSING, "accepts the API key, but the key may not make {method} calls"),
}
Params = Sequence[tuple[str, Any]]


def explain(reply: Reply) -> str:
    """Find the vendor's words: `<error><message>`, `{"message": …}` or nothing (maileon sheet §1)."""
    body = reply.content.strip()
    if body.startswith(b"<"):
        return xml.error_message(body)
    if body.startswith(b"{"):
        try:
            found = reply.json()
        except ContractError:
            return ""
        return str(found.get("message") or found.get("error") or "")
    return ""


def segment(value: str) -> str:
    """Quote one path segment (`max%40x.de`, never `+` for a space). Nothing may lead to another path."""
    if value in ("", ".", ".."):
        raise RecordError("This is not an e-mail address or id.", detail=repr(value))
    return quote(value, safe="")


def yes_no(value: bool) -> str:
    """Booleans are the literal words (maileon sheet §1)."""
    return "true" if value else "false"


class Api:
    """Calls to one Maileon account. Every method raises only IntegrationErrors."""

    def __init__(self, credentials: Credentials, wire: Instrumentation | None = None) -> None:
        key = credentials.values["api_key"].strip()
        encoded = base64.b64encode(key.encode()).decode()  # the key alone, without a colon (maileon sheet §1)
        self._transports = {
            method: Transport(
                "Maileon", credentials.base_url, POLICY, headers={"Authorization": f"Basic {encoded}", "Accept": XML},
                secrets=(key, encoded), wire=wire, errors=_errors(method), explain=explain,
            )
            for method in ("GET", "POST", "PUT", "DELETE")
        }  # fmt: skip

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        body: bytes | None = None,
        json: JSONValue = None,
        effect: Effect = Effect.WRITE,  # what declares nothing counts as a write, which a dry run refuses
        accepted: bytes | None = None,
        looks: str = "",
        content_type: str = XML,
        accept: str = XML,
    ) -> Reply:
        """Make one call. `json` wins over `body` and is sent as `content_type`."""
        headers = {"Accept": accept, **({"Content-Type": content_type} if json is not None or body is not None else {})}
        return self._transports[method].request(
            method,
            path,
            effect=effect,
            accepted=accepted,
            looks=looks,
            params=params,
            data=body,
            json=json,
            headers=headers,
        )

    def pages(self, path: str, params: Params = ()) -> Iterator[list[Element]]:
        """Yield the items of each page."""
        index = 1
        while True:
            rows, last = self.page(path, params, index=index)
            yield rows
            if last:
                return
            index += 1

    def page(self, path: str, params: Params, *, index: int, size: int = PAGE_SIZE) -> tuple[list[Element], bool]:
        """Return the items of one page and whether it is the last, by the X-Pages header or by being short."""
        reply = self.call("GET", path, effect=Effect.READ, params=[*params, ("page_index", index), ("page_size", size)])
        rows = list(xml.parse(reply.content)) if reply.content.strip() else []
        pages = whole_number(reply.headers.get("X-Pages", ""))
        return rows, len(rows) < size if pages is None else index >= pages


def _errors(method: str) -> Mapping[int, Any]:
    return {status: (error, reason, words.format(method=method)) for status, (error, reason, words) in ERRORS.items()}
