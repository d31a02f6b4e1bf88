"""HubSpot's webhooks: one address for all portals. Verify the signature, parse an array of events.

Called by the intake. Subscriptions are part of the app's own files at HubSpot, not made by API (hubspot sheet §5); see
README.md. A body never carries the record, only what happened to which id.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.conf import settings

from config.json_value import JSONValue, parse_json
from integration.connectors.base import ParsedEvent, WebhookRequest
from integration.connectors.hubspot.records import parse_time
from integration.errors import ContractError, TooManyEvents

log = logging.getLogger(__name__)

EVENTS: Mapping[str, str] = {
    "contact.creation": "A contact was created",
    "contact.propertyChange": "A property of a contact changed",
    "contact.deletion": "A contact was deleted",
    "contact.restore": "A deleted contact was restored",
    "contact.merge": "Two contacts were merged",
    "contact.privacyDeletion": "A contact was deleted for good, for privacy",
}
# The properties that our app's project file names; of changes of others alone HubSpot tells nothing (hubspot sheet §5).
HEARD = frozenset(
    {
        "email", "firstname", "lastname", "salutation", "jobtitle", "company", "address", "city", "state", "zip",
        "country", "date_of_birth", "gender", "hs_language", "lifecyclestage", "maileon_subscribe",
        "maileon_contact_permission", "maileon_contact_doi", "maileon_contact_doi_plus",
        "maileon_contact_doi_mailing_key",
    }
)  # fmt: skip
_OTHERS = ("company", "deal", "ticket", "product", "line_item")
_KINDS = ("creation", "propertyChange", "deletion", "restore", "merge", "associationChange")
IGNORED_EVENTS: Mapping[str, str] = {
    "contact.associationChange": "A contact was linked to another record",
    **{f"{name}.{kind}": f"{name.replace('_', ' ').capitalize()}: {kind}" for name in _OTHERS for kind in _KINDS},
}
MAX_AGE_MS = 300_000  # both ways: a clock that is ahead is as wrong as a replay
# Decoded before hashing; exactly these and nothing else (hubspot sheet §5).
_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_ENCODED = re.compile("|".join(_DECODED), re.IGNORECASE)
CONTACT_TYPE_ID = "0-1"


MOST_EVENTS = 500  # of one call; documented are up to 100 (hubspot sheet §5)


def verify(request: WebhookRequest, secrets: Sequence[str]) -> bool:
    """Check version 3; the older two, which know no time, only where HUBSPOT_OLD_SIGNATURES allows it."""
    sent = request.header("X-HubSpot-Signature-v3")
    if sent:
        stamp = request.header("X-HubSpot-Request-Timestamp")
        return _is_recent(stamp) and _any_equal(sent, [signature_v3(request, key, stamp) for key in secrets if key])
    if not settings.HUBSPOT_OLD_SIGNATURES:
        return False
    sent, version = request.header("X-HubSpot-Signature"), request.header("X-HubSpot-Signature-Version")
    make = {"v1": signature_v1, "v2": signature_v2}.get(version)
    return make is not None and _any_equal(sent, [make(request, key) for key in secrets if key])


def signature_v3(request: WebhookRequest, secret: str, timestamp: str) -> str:
    """Base64 of the HMAC over method, address, body and time."""
    message = f"{request.method}{_decoded(request.url)}".encode() + request.body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


def signature_v2(request: WebhookRequest, secret: str) -> str:
    """Hex hash over secret, method, address and body."""
    return hashlib.sha256(f"{secret}{request.method}{request.url}".encode() + request.body).hexdigest()


def signature_v1(request: WebhookRequest, secret: str) -> str:
    """Hex hash over secret and body."""
    return hashlib.sha256(secret.encode() + request.body).hexdigest()


def _decoded(url: str) -> str:
    """Decode the listed signs; a `?` that leads the query stays as it is."""
    return _ENCODED.sub(lambda found: _DECODED[found[0].upper()], url)


def _is_recent(timestamp: str) -> bool:
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 15:
        return False
    return abs(datetime.now(UTC).timestamp() * 1000 - int(timestamp)) <= MAX_AGE_MS


def _any_equal(sent: str, wanted: Sequence[str]) -> bool:
    matches = [hmac.compare_digest(sent.encode(), item.encode()) for item in wanted]
    return any(matches)


def parse(request: WebhookRequest) -> Sequence[ParsedEvent]:
    """Turn an array into its events. One that cannot be read never takes its neighbours with it.

    It leaves a row with the account it names. Where it names none there is nobody to keep it for.
    """
    try:
        body = parse_json(request.body)
    except ValueError as exc:
        raise ContractError("HubSpot's webhook is not JSON.") from exc
    if not isinstance(body, list) or not body:
        raise ContractError("HubSpot's webhook is not a list of events.", detail=type(body).__name__)
    if len(body) > MOST_EVENTS:
        raise TooManyEvents(len(body), MOST_EVENTS)
    found = [event for row in body if (event := _event(row)) is not None]
    if len(found) < len(body):
        log.error("%s of %s events of HubSpot name no account.", len(body) - len(found), len(body))
    if not found:
        raise ContractError("HubSpot's webhook holds no event that can be read.")
    return found


def _event(row: JSONValue) -> ParsedEvent | None:
    """One event, or None when it does not say whose it is. Ids come as numbers, in tests as texts."""
    if not isinstance(row, dict):
        return None
    portal, object_id, kind = (_text(row, key) for key in ("portalId", "objectId", "subscriptionType"))
    kind = _named(row, kind or _text(row, "eventType"))
    if not portal:
        return None
    if not object_id or "." not in kind:
        return ParsedEvent.unreadable(
            json.dumps(row), "This event does not say what happened to whom.", account_id=portal
        )
    name = _text(row, "propertyName")
    value = row.get("propertyValue") if name == "email" else ""
    return ParsedEvent(
        vendor_event=kind,
        object_type=kind.partition(".")[0],
        external_id=object_id,
        dedupe_key=":".join(_text(row, key) for key in _IDENTITY),
        occurred_at=parse_time(_text(row, "occurredAt")),
        email=value.strip() if isinstance(value, str) and "@" in value else "",
        account_id=portal,
        payload=_payload(row, name),
    )


# The event's own id is not unique, and attempts count up over retries (hubspot sheet §5).
_IDENTITY = ("portalId", "subscriptionId", "subscriptionType", "objectId", "eventId", "occurredAt", "propertyName")


def _named(row: Mapping[str, JSONValue], kind: str) -> str:
    """Generic subscriptions say `object.` and name the type by its id."""
    if kind.startswith("object.") and _text(row, "objectTypeId") == CONTACT_TYPE_ID:
        return "contact." + kind.partition(".")[2]
    return kind


def _payload(row: Mapping[str, JSONValue], name: str) -> dict[str, JSONValue]:
    """What a flow may need. Values are left out: the record is read afresh, and they are somebody's data."""
    app, source, source_id = (_text(row, key) for key in ("appId", "changeSource", "sourceId"))
    payload: dict[str, JSONValue] = {
        "property": name,
        "change_source": source,
        "own": bool(app) and source == "INTEGRATION" and source_id == app,
    }
    if survivor := _text(row, "newObjectId") or _text(row, "primaryObjectId"):
        merged = row.get("mergedObjectIds")
        payload["survivor"] = survivor
        payload["primary"] = _text(row, "primaryObjectId")
        payload["merged"] = [str(key) for key in merged if _is_id(key)] if isinstance(merged, list) else []
    return payload


def _text(row: Mapping[str, JSONValue], key: str) -> str:
    value = row.get(key)
    return str(value) if _is_id(value) else ""


def _is_id(value: JSONValue) -> bool:
    """A number or a text of reasonable length; anything else is no id and no name."""
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and len(value) < 200)
