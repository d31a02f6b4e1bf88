"""Pipedrive's webhooks: verify the Basic credentials, parse the body (2.0 and 1.0), subscribe, unsubscribe, list.

Called by the intake and by install. There is no signature: HTTP Basic with our own user and password is all Pipedrive
offers (pipedrive sheet §12), so a body is a hint, and whatever grants consent reads the record afresh.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from config.json_value import JSONValue, json_object, parse_json
from integration.connectors.base import ParsedEvent, Subscription, WebhookRequest
from integration.connectors.pipedrive import readers
from integration.connectors.pipedrive.records import record_values
from integration.connectors.pipedrive.values import custom_fields, parse_time
from integration.errors import ContractError, NotFound

if TYPE_CHECKING:
    from integration.connectors.pipedrive.client import PipedriveClient

VERSION = "2.0"  # always sent: when the default changed, integrations that relied on it broke (n8n-io/n8n#13988)
_USED = {"person": "Person", "organization": "Organization", "deal": "Deal", "lead": "Lead", "note": "Note",
         "activity": "Activity"}  # fmt: skip
_UNUSED = ("pipeline", "stage", "product", "user")
_ACTIONS = {"create": "created", "change": "changed", "delete": "deleted"}
logger = logging.getLogger(__name__)

MOST_EVENTS = 1  # of one call; a body is one object (pipedrive sheet §5)
EVENTS: Mapping[str, str] = {
    f"{entity}.{action}": f"{label} {word}" for entity, label in _USED.items() for action, word in _ACTIONS.items()
}
IGNORED_EVENTS: Mapping[str, str] = {
    f"{entity}.{action}": f"{entity.capitalize()} {word}" for entity in _UNUSED for action, word in _ACTIONS.items()
}
V1_ACTIONS = {"added": "create", "updated": "change", "deleted": "delete", "merged": "change"}
# Where a raw key arrives under another name in our records.
_NAMES = {
    "emails": ("emails", "email"), "email": ("emails", "email"), "phones": ("phones", "phone"),
    "phone": ("phones", "phone"), "label": ("label_ids",), "organization_id": ("org_id",),
    "value": ("value", "currency"), "active_flag": ("is_deleted",),
}  # fmt: skip


def verify(request: WebhookRequest, secrets: Sequence[str]) -> bool:
    """Compare the Basic credentials with each `user:password` in constant time."""
    scheme, _, encoded = request.header("Authorization").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        sent = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    matches = [hmac.compare_digest(sent, secret.encode()) for secret in secrets if secret]
    return any(matches)


def parse(request: WebhookRequest) -> Sequence[ParsedEvent]:
    """Turn a body of either version into its one event."""
    try:
        body = parse_json(request.body)
    except ValueError as exc:
        raise ContractError("Pipedrive's webhook is not JSON.") from exc
    meta = body.get("meta") if isinstance(body, dict) else None
    if not isinstance(meta, dict):
        raise ContractError("Pipedrive's webhook has no meta.", detail=type(body).__name__)
    return [_parse_v1(body, meta) if "object" in meta else _parse_v2(body, meta)]


def _parse_v2(body: Mapping[str, JSONValue], meta: Mapping[str, JSONValue]) -> ParsedEvent:
    entity, action, entity_id = (str(meta.get(key) or "") for key in ("entity", "action", "entity_id"))
    if not entity or not action or not entity_id:
        raise ContractError("Pipedrive's webhook does not say what it is about.", detail=f"meta keys: {sorted(meta)}")
    previous = _raw(body, "previous")
    data = _with_cleared(_raw(body, "data"), previous)
    payload: dict[str, JSONValue] = {
        "action": action,
        "record": _values(entity, data, entity_id, readers.webhook_v2_custom),
        "previous": _values(entity, previous, entity_id, readers.webhook_v2_custom, partial=action != "delete"),
        **_merge_hints(meta),
        **_origin(meta),
    }
    # meta.id is the event's id and stays over retries; user events reuse the user's id, hence the time (sheet §12).
    parts = (meta.get("webhook_id"), entity, entity_id, meta.get("id"), meta.get("timestamp"))
    return _event(entity, action, entity_id, parts, meta, payload)


def _parse_v1(body: Mapping[str, JSONValue], meta: Mapping[str, JSONValue]) -> ParsedEvent:
    """Parse version 1.0. It names no field types: custom fields are left out and `partial` says to read afresh."""
    entity, entity_id = str(meta.get("object") or ""), str(meta.get("id") or "")
    vendor_action = str(meta.get("action") or "")
    action = V1_ACTIONS.get(vendor_action, vendor_action)
    if not entity or not action or not entity_id:
        raise ContractError("Pipedrive's webhook does not say what it is about.", detail=f"meta keys: {sorted(meta)}")
    payload: dict[str, JSONValue] = {
        "action": action,
        "record": _values(entity, _raw(body, "current"), entity_id, readers.v1_custom({})),
        "previous": _values(entity, _raw(body, "previous"), entity_id, readers.v1_custom({})),
        "partial": True,
        **_origin(meta),
    }
    moment = meta.get("timestamp_micro") or meta.get("timestamp")
    parts = (meta.get("webhook_id"), entity, entity_id, vendor_action, moment)
    return _event(entity, action, entity_id, parts, meta, payload)


def _event(
    entity: str,
    action: str,
    entity_id: str,
    parts: Sequence[JSONValue],
    meta: Mapping[str, JSONValue],
    payload: Mapping[str, JSONValue],
) -> ParsedEvent:
    sides = (json_object(payload["record"]), json_object(payload["previous"]))
    email = next((str(side["email"]) for side in sides if side.get("email")), "")
    return ParsedEvent(
        vendor_event=f"{entity}.{action}",
        object_type=entity,
        external_id=entity_id,
        dedupe_key=":".join(str(part) for part in parts),
        occurred_at=parse_time(meta.get("timestamp")),
        email=str(email),
        account_id=str(meta.get("company_id") or ""),
        payload=payload,
    )


def _raw(body: Mapping[str, JSONValue], key: str) -> dict[str, JSONValue]:
    value = body.get(key) or {}
    if isinstance(value, list):  # user events of version 1.0 hold arrays
        value = value[0] if value else {}
    return value if isinstance(value, dict) else {}  # its meta names the record, which is read afresh


def _with_cleared(data: dict[str, JSONValue], previous: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """A custom field that was emptied is missing from `data` and named in `previous` (sheet §5): make it null."""
    changed = previous.get("custom_fields")
    if not data or not isinstance(changed, Mapping) or not isinstance(data.get("custom_fields") or {}, Mapping):
        return data
    return {**data, "custom_fields": {**dict.fromkeys(changed), **custom_fields(data)}}


def _values(
    entity: str, raw: Mapping[str, JSONValue], entity_id: str, custom: readers.Custom, *, partial: bool = False
) -> dict[str, JSONValue]:
    """Return the flat internal values; with `partial` only those whose raw key is there.

    Empty where a value has a form that nobody knows: the event still names its record, which is read afresh.
    """
    parser = readers.PARSERS.get(entity)
    if not raw or parser is None:
        return {}
    try:
        values = record_values(parser({"id": entity_id, **raw}, custom))
    except ContractError as exc:
        logger.warning("The values of a Pipedrive %s event cannot be read: %s %s", entity, exc.public, exc.detail)
        return {}
    if not partial:
        return values
    present = {name for key in raw for name in _NAMES.get(key, (key,))}
    return {name: value for name, value in values.items() if name in present}


def _merge_hints(meta: Mapping[str, JSONValue]) -> dict[str, str]:
    """A merge is a delete of the loser and a change of the survivor; only the meta tells (pipedrive sheet §12)."""
    hints = {"merged_into": meta.get("merged_to_id"), "merged_from": meta.get("merged_from_id")}
    return {name: str(value) for name, value in hints.items() if value}


def _origin(meta: Mapping[str, JSONValue]) -> dict[str, str]:
    hints = {"change_source": meta.get("change_source"), "user_id": meta.get("user_id")}
    return {name: str(value) for name, value in hints.items() if value}


def subscribe(client: PipedriveClient, event: str, url: str, secret: str) -> str:
    """Create one webhook for one event; `secret` is `user:password`."""
    entity, _, action = event.partition(".")
    user, _, password = secret.partition(":")
    return client.create_webhook(
        {
            "name": f"Lockstep {event}",
            "subscription_url": url,
            "event_object": entity,
            "event_action": action,
            "version": VERSION,
            "http_auth_user": user,
            "http_auth_password": password,
        }
    )


def unsubscribe(client: PipedriveClient, external_id: str) -> None:
    """Delete one webhook; an already missing one is fine."""
    try:
        client.delete_webhook(external_id)
    except NotFound:
        return


def list_subscriptions(client: PipedriveClient) -> Sequence[Subscription]:
    """List the webhooks our credentials can see; apps see only their own."""
    return [
        Subscription(
            str(row.get("id")),
            f"{row.get('event_object')}.{row.get('event_action')}",
            str(row.get("subscription_url")),
            bool(row.get("is_active", True)),
        )
        for row in client.list_webhooks()
    ]
