"""Calls of a tenant's own Planhat automations: verify the secret, parse, and the address to paste.

Planhat has no webhooks one could subscribe to (planhat sheet §6). An automation can call an address with a template of
the tenant's: a body is a hint that a record changed, and the record is read afresh. Polling finds the rest.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from django.utils.translation import gettext

from config.json_value import JSONValue, parse_json, storable
from integration.connectors.base import ParsedEvent, WebhookRequest
from integration.connectors.planhat.records import parse_time
from integration.errors import ContractError

TOKEN, HEADER = "token", "x-lockstep-secret"  # noqa: S105 - names of our parameter and header
MOST_EVENTS = 1  # of one call; a body is one object (planhat sheet §6)
EVENTS: Mapping[str, str] = {
    "company.changed": "A company was created or changed",
    "company.sync": "Somebody asks to sync a company",
}
IGNORED_EVENTS: Mapping[str, str] = {
    "enduser.changed": "An end user was created or changed",
    "license.changed": "A license was created or changed",
    "sale.changed": "A sale was created or changed",
    "conversation.changed": "A note was created or changed",
}
ID_NAMES = ("_id", "id", "companyId", "objectId")
LONGEST_ID = 200


def verify(request: WebhookRequest, secrets: Sequence[str]) -> bool:
    """Compare the secret, in a header or in the address, with each valid one in constant time."""
    sent = (request.header(HEADER) or request.query.get(TOKEN, "")).encode()
    matches = [hmac.compare_digest(sent, secret.encode()) for secret in secrets if secret]
    return any(matches)


def parse(request: WebhookRequest) -> Sequence[ParsedEvent]:
    """Turn a body into its event: `model` (Company, if it is not said), `_id`, and `action` (changed, or sync).

    Two deliveries are one event only if the template tells the time of the change as `updatedAt`.
    """
    try:
        body = storable(parse_json(request.body))
    except ValueError as exc:
        raise ContractError("Planhat's automation did not send JSON.") from exc
    if not isinstance(body, dict):
        raise ContractError("Planhat's automation sent an unknown form.", detail=type(body).__name__)
    external_id = _id_of(body)
    model = str(body.get("model") or "company").strip().lower()
    stamp = body.get("updatedAt")
    occurred = parse_time(stamp) if isinstance(stamp, str) and stamp else None
    marker = str(stamp)[:60] if occurred else uuid.uuid4().hex
    action = "sync" if str(body.get("action") or "").strip().lower() == "sync" else "changed"
    event = f"{model[:40]}.{action}"
    return [
        ParsedEvent(event, model[:40], external_id, f"{event}:{external_id}:{marker}", occurred_at=occurred,
                    payload={"action": action})
    ]  # fmt: skip


def _id_of(body: Mapping[str, JSONValue]) -> str:
    ids = (body.get(name) for name in ID_NAMES)
    found = next((value for value in ids if isinstance(value, str) and value), "")
    if not found or len(found) > LONGEST_ID:
        raise ContractError(
            "Planhat's automation does not say which record changed.", detail=f"keys: {sorted(body)[:20]}"
        )
    return str(found)


def addresses(url: str, secret: str) -> Mapping[str, str]:
    """The address to paste into an automation on companies, with its secret."""
    return {gettext("Address for an automation of yours"): f"{url}?{urlencode({TOKEN: secret})}"}
