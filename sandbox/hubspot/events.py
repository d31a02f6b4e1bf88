"""Webhooks: one address per app, arrays of up to a hundred events of any portals, signed when they are sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time

from sandbox.delivery import Delivery
from sandbox.http import Record
from sandbox.hubspot.api import Actor, Call, epoch_ms
from sandbox.hubspot.model import App, Contact, Values
from sandbox.state import Sandbox

TIMEOUT_S = 5.0
MOST_EVENTS = 100
# Ten more tries within a day; the waits vary (hubspot sheet §5).
RETRIES_S = (60.0, 120.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 21_600.0, 28_800.0)
NOT_SUBSCRIBABLE = frozenset({"hs_lastmodifieddate", "num_unique_conversion_events"})
_numbers = itertools.count(3_400_564_480)


def created(call: Call, contact: Contact, values: Values, actor: Actor) -> None:
    """A save that creates tells of the creation and of each subscribed property that was set."""
    _tell(call, "contact.creation", contact.id, actor, changeFlag="CREATED")
    changed(call, contact, values, actor)


def changed(call: Call, contact: Contact, values: Values, actor: Actor) -> None:
    for name, value in values.items():
        _tell(call, "contact.propertyChange", contact.id, actor, propertyName=name, propertyValue=value or "")


def deleted(call: Call, contact: Contact, actor: Actor) -> None:
    _tell(call, "contact.deletion", contact.id, actor, changeFlag="DELETED")


def restored(call: Call, contact: Contact, actor: Actor) -> None:
    flag = "RESTORED" if "hubspot.restore_flag" in call.sandbox.thrown else "NEW"
    _tell(call, "contact.restore", contact.id, actor, changeFlag=flag)


def forgotten(call: Call, contact: Contact, actor: Actor) -> None:
    _tell(call, "contact.privacyDeletion", contact.id, actor, changeFlag="DELETED")
    deleted(call, contact, actor)


def merged(call: Call, survivor: Contact, primary: Contact, loser: Contact, moved: int, actor: Actor) -> None:
    facts: Record = {"primaryObjectId": primary.id, "mergedObjectIds": [loser.id], "numberOfPropertiesMoved": moved}
    if survivor.id != primary.id:
        facts["newObjectId"] = survivor.id
    _tell(call, "contact.merge", survivor.id, actor, **facts)
    if "hubspot.merge_deletion" not in call.sandbox.thrown:
        deleted(call, loser, actor)


def _tell(call: Call, kind: str, contact_id: int, actor: Actor, **facts: object) -> None:
    """Put one event into the outbox of every installed app that subscribed to it."""
    source, source_id = actor.source
    for app in call.sandbox.hubspot.apps.values():
        if not call.sandbox.hubspot.installed(app, call.portal):
            continue
        for item in app.subscriptions:
            if item.active and item.type == kind and item.property in ("", facts.get("propertyName")):
                event: Record = {
                    "eventId": next(_numbers), "subscriptionId": item.id, "portalId": call.portal.id,
                    "appId": app.app_id, "occurredAt": epoch_ms(call.now()), "subscriptionType": kind,
                    "attemptNumber": 0, "objectId": contact_id, "changeSource": source, "sourceId": source_id, **facts,
                }  # fmt: skip
                app.outbox.append(event)


def flush(sandbox: Sandbox, *, gathered: bool = False) -> int:
    """Send what is in the outboxes, in no order; returns how many requests that makes."""
    count = 0
    for app in sandbox.hubspot.apps.values():
        if not app.outbox or (app.gather and not gathered):
            continue
        pending, app.outbox = app.outbox, []
        sandbox.rng.shuffle(pending)
        size = min(app.events_per_request, MOST_EVENTS)
        for start in range(0, len(pending), size):
            sandbox.courier.submit(_delivery(sandbox, app, pending[start : start + size]))
            count += 1
    return count


def _delivery(sandbox: Sandbox, app: App, batch: list[Record]) -> Delivery:
    portals = {str(event["portalId"]) for event in batch}
    kinds = {str(event["subscriptionType"]) for event in batch}
    return Delivery(
        vendor="hubspot",
        account=portals.pop() if len(portals) == 1 else "",
        webhook_id=str(app.app_id),
        event=kinds.pop() if len(kinds) == 1 else "several",
        method="POST",
        url=app.target_url,
        body=lambda attempt: body_of(batch, attempt),
        headers={"content-type": "application/json"},
        timeout_s=TIMEOUT_S,
        retries_s=tuple(wait * sandbox.rng.uniform(0.8, 1.2) for wait in RETRIES_S),
        wanted=lambda attempt: bool(app.target_url),
        signed=lambda body: signature_headers(app.client_secret, "POST", app.target_url, body),
    )


def body_of(batch: list[Record], attempt: int) -> bytes:
    """The array as sent at this attempt: `attemptNumber` counts from zero."""
    rows = [event | {"attemptNumber": attempt - 1} for event in batch]
    return json.dumps(rows, separators=(",", ":")).encode()


def signature_headers(secret: str, method: str, url: str, body: bytes) -> dict[str, str]:
    """Version 1 and version 3 side by side, made at the moment of sending, on the real clock."""
    stamp = str(int(time.time() * 1000))
    message = f"{method}{url}".encode() + body + stamp.encode()
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return {
        "X-HubSpot-Signature": hashlib.sha256(secret.encode() + body).hexdigest(),
        "X-HubSpot-Signature-Version": "v1",
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": stamp,
    }
