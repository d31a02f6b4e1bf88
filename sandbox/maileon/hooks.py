"""Webhook management: JSON, list, get, create, update, delete."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from starlette.responses import Response

from sandbox.http import Record
from sandbox.maileon.api import Call, Endpoint, empty, error, json_body, json_reply, xml
from sandbox.maileon.document import READ_ONLY, WRITABLE
from sandbox.maileon.model import Webhook

EVENTS = ("doi", "unsubscription", "bounce", "filtered", "contact_field_change")
EVENT_FIELDS = ("timestamp", "msg_id", "transaction_id", "method", "property", "old_value", "new_value")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def list_hooks(call: Call) -> Response:
    return json_reply([shown(call, hook) for hook in call.account.webhooks.values()])


def get_hook(call: Call) -> Response:
    return json_reply(shown(call, _hook(call)))


def create_hook(call: Call) -> Response:
    hook = _read(call, call.account.next("webhook", 1915))
    call.account.webhooks[hook.id] = hook
    accept = call.incoming.headers.get("accept", "")
    if "xml" in accept:
        root = Element("id")
        root.text = str(hook.id)
        return xml(root, 201)
    return json_reply({"id": hook.id}, 201)


def update_hook(call: Call) -> Response:
    call.account.webhooks[_hook(call).id] = _read(call, _hook(call).id)
    return empty(200)


def delete_hook(call: Call) -> Response:
    del call.account.webhooks[_hook(call).id]
    return empty()


def _hook(call: Call) -> Webhook:
    raw = call.params["id"]
    return (call.account.webhooks.get(int(raw)) if raw.isdigit() else None) or error(404, "Webhook not found")


def _read(call: Call, number: int) -> Webhook:
    wish = json_body(call)
    if not isinstance(wish, dict):
        error(400, "Expected a JSON object")
    if wish.get("event") not in EVENTS:
        error(400, f"event must be one of {', '.join(EVENTS)}")
    if not _acceptable(wish.get("url")):
        error(400, "url must be an HTTPS address")
    custom = _names(wish, "customFields", tuple(call.account.custom_fields))
    standard = _names(wish, "standardFields", ("email", "external_id", "id", *WRITABLE, *READ_ONLY))
    events = _names(wish, "eventFields", EVENT_FIELDS)
    return Webhook(number, wish["url"], wish["event"], _params(wish), standard, custom, events)


def _acceptable(url: Any) -> bool:
    """HTTPS only, as the vendor wants it; a receiver on this machine may use plain http."""
    if not isinstance(url, str):
        return False
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def _names(wish: Record, key: str, known: tuple[str, ...]) -> list[str]:
    names = wish.get(key) or []
    if not isinstance(names, list):
        error(400, f"{key} must be a list")
    for name in names:
        if name not in known and str(name).upper() not in known:
            error(400, f"Unknown name {name} in {key}")
    return names


def _params(wish: Record) -> list[Record]:
    items = wish.get("urlParams") or []
    for item in items:
        if not isinstance(item, dict) or not item.get("name"):
            error(400, "Each of urlParams needs a name")
    return list(items)


def shown(call: Call, hook: Webhook) -> Record:
    return {
        "id": hook.id,
        "newsletterAccountId": call.account.id,
        "url": hook.url,
        "event": hook.event,
        "urlParams": hook.url_params,
        "standardFields": hook.standard_fields,
        "customFields": hook.custom_fields,
        "eventFields": hook.event_fields,
    }


ENDPOINTS = [
    Endpoint("GET", "webhooks", list_hooks),
    Endpoint("POST", "webhooks", create_hook),
    Endpoint("GET", "webhooks/{id}", get_hook),
    Endpoint("PUT", "webhooks/{id}", update_hook),
    Endpoint("DELETE", "webhooks/{id}", delete_hook),
]
