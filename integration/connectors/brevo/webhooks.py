"""Brevo's webhooks: verify the bearer token, parse, subscribe, unsubscribe, list. Called by the intake and by install.

Nothing is signed (sheet §7), so a body is a hint and the contact is read afresh. The vendor drops an event at the first
answer that is neither 2xx nor 429: see `busy_status` in connector.py.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import uuid4

from config.json_value import JSONValue, parse_json
from integration.connectors.base import ParsedEvent, Subscription, WebhookRequest
from integration.errors import ContractError, NotFound, TooManyEvents

if TYPE_CHECKING:
    from integration.connectors.brevo.client import BrevoClient

TOKEN, IMPORT = "token", "import"  # noqa: S105 - the parameters of our notify addresses
FINISHED = "importFinished"
# A batch has up to 500 events (sheet §7, batch-webhooks). How many addresses a bulk operation names in one event is
# documented nowhere, hence four times as many.
MOST_EVENTS = 2_000
MOST_BYTES = 4 * 1024 * 1024  # of what would be kept of one call: each address keeps all that its event says
EVENTS: Mapping[str, str] = {
    "contactUpdated": "A contact was changed",
    "contactDeleted": "A contact was deleted",
    "listAddition": "A contact joined a list",
    "unsubscribed": "A contact unsubscribed",
    "hardBounce": "An address does not exist (any more)",
    "spam": "A contact complained about a mail",
    FINISHED: "An import is done; asked for with the import, not as a webhook",
}
IGNORED_EVENTS: Mapping[str, str] = {
    "softBounce": "A mail could not be delivered for the moment",
    "delivered": "A mail was delivered",
    "opened": "A mail was opened",
    "click": "A link was clicked",
    # Of transactional mails, where another program of the account shares our address (brevo sheet §7, corrected part).
    # A complaint about one reaches us as a change of the contact.
    "request": "A transactional mail was sent",
    "sent": "A transactional mail was sent",
    "deferred": "A transactional mail was put off",
    "blocked": "A transactional mail was not sent to a blocked address",
    "unique_opened": "A transactional mail was opened for the first time",
    "proxy_open": "A mail was opened by a mail program's proxy",
    "unique_proxy_open": "A mail was opened by a mail program's proxy for the first time",
    "complaint": "A person complained about a transactional mail",
    "error": "A transactional mail ended in an error",
    "invalid_email": "A transactional mail had an address that is none",
}
# Payloads are snake_case and not all alike: both forms of a bounce were seen (sheet §7).
NAMES = {
    "contact_updated": "contactUpdated", "contact_deleted": "contactDeleted", "list_addition": "listAddition",
    "unsubscribed": "unsubscribed", "unsubscribe": "unsubscribed", "hard_bounced": "hardBounce",
    "hard_bounce": "hardBounce", "soft_bounced": "softBounce", "soft_bounce": "softBounce",
}  # fmt: skip


def verify(request: WebhookRequest, secrets: Sequence[str]) -> bool:
    """Compare the bearer token, or the token of a notify address, with each valid secret in constant time."""
    scheme, _, bearer = request.header("Authorization").partition(" ")
    sent = bearer.strip() if scheme.lower() == "bearer" else request.query.get(TOKEN, "")
    matches = [hmac.compare_digest(sent.encode(), secret.encode()) for secret in secrets if secret]
    return any(matches)


def parse(request: WebhookRequest) -> Sequence[ParsedEvent]:
    """Turn a body into its events: one, a batch of them, or one about many addresses."""
    if marker := request.query.get(IMPORT, ""):
        return [ParsedEvent(FINISHED, "process", marker, f"{FINISHED}:{marker}")]
    rows = _rows(request.body)
    count = sum(len(_addresses(row)) for row in rows)
    if max(count, len(rows)) > MOST_EVENTS:
        raise TooManyEvents(count, MOST_EVENTS)
    found = [_events(row) for row in rows]
    if sum(len(events) * len(json.dumps(events[0].payload)) for events in found) > MOST_BYTES:
        raise TooManyEvents(count, MOST_EVENTS)
    return [event for events in found for event in events]


def _rows(content: bytes) -> list[Mapping[str, JSONValue]]:
    """The events of a body, a batch or one alone, not yet read. Raises ContractError for anything else."""
    try:
        body = parse_json(content)
    except ValueError as exc:
        raise ContractError("Brevo's webhook is not JSON.") from exc
    rows = body if isinstance(body, list) else [body]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ContractError("Brevo's webhook has an unknown form.", detail=type(body).__name__)
    return rows


def _events(row: Mapping[str, JSONValue]) -> list[ParsedEvent]:
    name = str(row.get("event") or "")
    content = _content(row)
    addresses = _addresses(row)
    if not name or not addresses:
        raise ContractError("Brevo's webhook does not say what happened to whom.", detail=f"keys: {sorted(row)[:20]}")
    shared = _event(NAMES.get(name, name), row, content)
    return [
        replace(shared, email=address.strip(), dedupe_key=_digest(shared.dedupe_key, address.strip().lower()))
        for address in addresses
    ]


def _addresses(row: Mapping[str, JSONValue]) -> list[str]:
    """Whom a row speaks of: itself says so, or its content."""
    emails = row.get("email") or next((part["email"] for part in _content(row) if part.get("email")), "")
    return [one for one in _as_list(emails) if isinstance(one, str) and one]


def _content(row: Mapping[str, JSONValue]) -> list[Mapping[str, JSONValue]]:
    """The changed attributes: an array of one object or several, or the object alone (sheet §7)."""
    found = row.get("content") or []
    parts = found if isinstance(found, list) else [found]
    return [part for part in parts if isinstance(part, dict)]


def _event(event: str, row: Mapping[str, JSONValue], content: Sequence[Mapping[str, JSONValue]]) -> ParsedEvent:
    """What a row says of each of its addresses."""
    untimed = uuid4().hex  # never an earlier one once more
    stamp = row.get("ts_event") or row.get("ts") or row.get("date") or untimed
    kept: dict[str, JSONValue] = {
        "list_id": [one for one in _as_list(row.get("list_id")) if isinstance(one, int)],
        "api_key_name": str(row.get("api_key_name") or ""),
        "reason": str(row.get("reason") or "")[:300],
    }
    return ParsedEvent(
        vendor_event=event,
        object_type="contact",
        external_id="",  # a payload's `id` is the webhook's; the address is all there is
        dedupe_key=_digest(event, stamp, content, row.get("list_id"), row.get("camp_id")),
        occurred_at=_moment(stamp),
        payload={"action": event, **{name: value for name, value in kept.items() if value}},
    )


def _digest(*parts: JSONValue) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _as_list(value: JSONValue) -> list[JSONValue]:
    return value if isinstance(value, list) else [value]


def _moment(stamp: JSONValue) -> datetime | None:
    """Only the ts fields are UTC (sheet §7)."""
    if isinstance(stamp, bool) or not isinstance(stamp, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(stamp, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def notify_url(url: str, secret: str, marker: str) -> str:
    """The address the vendor calls at the end of the import we know by this marker."""
    return f"{url}?{urlencode({TOKEN: secret, IMPORT: marker})}"


def subscribe(client: BrevoClient, event: str, url: str, secret: str) -> str:
    """Create one webhook for one event; the secret is its bearer token."""
    return client.create_webhook(
        {
            "url": url, "events": [event], "description": f"Lockstep {event}", "batched": False,
            "auth": {"type": "bearer", "token": secret},
        }
    )  # fmt: skip


def unsubscribe(client: BrevoClient, external_id: str) -> None:
    """Delete one webhook; an already missing one is fine."""
    try:
        client.delete_webhook(external_id)
    except NotFound:
        return


def list_subscriptions(client: BrevoClient) -> Sequence[Subscription]:
    """List the marketing webhooks of the account, also those of others."""
    return [Subscription(row.id, next(iter(row.events), ""), row.url) for row in client.list_webhooks()]
