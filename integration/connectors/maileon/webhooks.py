"""Maileon's webhooks: verify the token in the URL, parse, subscribe, unsubscribe, list. Called by intake and install.

Nothing is signed and the body does not name the event (maileon sheet §6): both the secret and the event are parameters
we put into the URL. A body is therefore a hint; deliveries are at most once, the reports find what was missed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from django.utils.translation import gettext_lazy as _

from config.json_value import JSONValue, parse_json, storable, whole_number
from integration.connectors.base import ParsedEvent, Subscription, WebhookRequest
from integration.errors import ContractError

if TYPE_CHECKING:
    from integration.connectors.maileon.client import MaileonClient

TOKEN, EVENT = "token", "event"  # noqa: S105 - the names of our URL parameters
MOST_EVENTS = 1  # of one call; a body is one object (maileon sheet §6)
EVENTS: Mapping[str, str] = {
    "unsubscription": "A contact unsubscribed, in whichever way",
    "doi": "A contact confirmed the opt-in mail (first click)",
    "bounce": "A mail bounced",
}
IGNORED_EVENTS: Mapping[str, str] = {
    "filtered": "A mailing was not generated for a contact",
    "contact_field_change": "A contact changed its data through a link; updates by API or UI never fire it",
}
# `method` is only documented for unsubscriptions (maileon sheet §6).
EVENT_FIELDS = {"unsubscription": ("timestamp", "msg_id", "method")}
KEPT = ("msg_id", "method", "timestamp", "transaction_id")


def verify(request: WebhookRequest, secrets: Sequence[str]) -> bool:
    """Compare the URL's token with each valid secret in constant time."""
    sent = request.query.get(TOKEN, "").encode()
    matches = [hmac.compare_digest(sent, secret.encode()) for secret in secrets if secret]
    return any(matches)


def parse(request: WebhookRequest) -> Sequence[ParsedEvent]:
    """Turn a delivery into its one event, from the JSON body or, without one, from the URL parameters."""
    query = storable(dict(request.query))
    event = query.get(EVENT, "")
    values = _body(request)
    # A plus in an address arrives as a space when it travels in the URL (maileon sheet §10.7).
    email = str(values.get("email") or query.get("email", "").replace(" ", "+")).strip()
    external_id = str(values.get("external_id") or query.get("external_id") or query.get("eid") or "")
    if not event or not (email or external_id):
        raise ContractError("Maileon's webhook does not say what happened to whom.", detail=f"keys: {sorted(values)}")
    kept = {name: values.get(name, query.get(name)) for name in KEPT}
    found = {name: str(value) for name, value in kept.items() if value not in (None, "")}
    return [
        ParsedEvent(
            vendor_event=event,
            object_type="contact",
            external_id=external_id,
            dedupe_key=_dedupe_key(event, external_id, email, found),
            occurred_at=_moment(found.get("timestamp", "")),
            email=email,
            payload={"action": event, "email": email, "external_id": external_id, **found},
        )
    ]


def _body(request: WebhookRequest) -> Mapping[str, JSONValue]:
    if not request.body.strip():
        return {}
    try:
        body = parse_json(request.body)
    except ValueError as exc:
        raise ContractError("Maileon's webhook is not JSON.") from exc
    if not isinstance(body, dict):
        raise ContractError("Maileon's webhook has an unknown form.", detail=type(body).__name__)
    return body


def _dedupe_key(event: str, external_id: str, email: str, found: Mapping[str, str]) -> str:
    """Tell events apart without an event id: who, which mailing, when.

    With the vendor's timestamp a repeated delivery collapses and a later unsubscribe is new. Without one the minute of
    arrival stands in: taking a repetition for new is harmless (the job finds nothing to do), taking a second
    unsubscribe for a repetition would lose it.
    """
    when = found.get("timestamp") or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M")
    parts = (event, external_id, email.lower(), found.get("msg_id", ""), found.get("transaction_id", ""), when)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _moment(timestamp: str) -> datetime | None:
    """Read the event's time where it is unambiguous: epoch (ms or s) or with a zone. Local time without zone is not."""
    try:
        if (number := whole_number(timestamp)) is not None:
            return datetime.fromtimestamp(number / 1000 if number > 10**11 else number, UTC)
        moment = datetime.fromisoformat(timestamp)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def subscribe(client: MaileonClient, event: str, url: str, secret: str) -> str:
    """Create one webhook. Without an id in the answer the list is asked for it."""
    webhook_id = client.create_webhook(
        {
            "url": url,
            "event": event,
            "urlParams": [_parameter(TOKEN, secret), _parameter(EVENT, event)],
            # Standard fields only: custom ones do not work in webhooks made by API (maileon sheet §6).
            "standardFields": ["email", "external_id"],
            "customFields": [],
            "eventFields": list(EVENT_FIELDS.get(event, ("timestamp", "msg_id"))),
        }
    )
    if webhook_id:
        return webhook_id
    matches = [row.id for row in client.list_webhooks() if row.event == event and _same_url(row.url, url)]
    if not matches:
        raise ContractError("Maileon did not say which webhook it created.")
    return matches[-1]


ADDRESSES = {"doi": _("Double Opt-in Confirmation webhook"), "unsubscription": _("Unsubscription webhook")}


def addresses(url: str, secret: str) -> Mapping[str, str]:
    """The whole addresses of the events that carry consent, for whoever enters them at Maileon by hand."""
    return {str(label): f"{url}?{urlencode({TOKEN: secret, EVENT: event})}" for event, label in ADDRESSES.items()}


def unsubscribe(client: MaileonClient, external_id: str) -> None:
    """Delete one webhook; an already missing one is fine."""
    client.delete_webhook(external_id)


def list_subscriptions(client: MaileonClient) -> Sequence[Subscription]:
    """List the webhooks of the account, also those of others."""
    return [Subscription(row.id, row.event, row.url) for row in client.list_webhooks()]


def _parameter(name: str, value: str) -> dict[str, JSONValue]:
    return {"name": name, "custom_value": value, "standard_contact_field": None, "custom_contact_field": None}


def _same_url(listed: str, wanted: str) -> bool:
    """The list may show the URL with its parameters."""
    one, other = urlsplit(listed), urlsplit(wanted)
    if (one.scheme, one.netloc, one.path) != (other.scheme, other.netloc, other.path):
        return False
    return set(parse_qs(other.query)) <= set(parse_qs(one.query))
