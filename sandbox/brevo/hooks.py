"""Webhook management, with the vendor's checks of URL, events and count."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response

from sandbox.brevo.api import OTHER, Call, Endpoint, empty, error, id_of
from sandbox.brevo.model import Webhook
from sandbox.http import Record, reply

EVENTS = {
    "marketing": ("spam", "opened", "click", "hardBounce", "softBounce", "unsubscribed", "delivered", "listAddition",
                  "contactUpdated", "contactDeleted"),
    "transactional": ("sent", "request", "delivered", "hardBounce", "softBounce", "blocked", "spam", "invalid",
                      "deferred", "click", "opened", "uniqueOpened", "unsubscribed"),
    "inbound": ("inboundEmailProcessed",),
}  # fmt: skip
KEYS = {"url", "events", "description", "type", "channel", "domain", "batched", "auth", "headers"}
MOST = 40
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def list_hooks(call: Call) -> Response:
    """Without a type the transactional ones, as the vendor does."""
    kind = call.query.get("type", "transactional")
    return reply({"webhooks": [shown(row) for row in call.account.webhooks.values() if row.type == kind]})


def create(call: Call) -> Response:
    wish = call.body()
    for name in wish.keys() - KEYS:
        error(400, "invalid_parameter", f"{name} is not valid")
    if not wish.get("url") or not wish.get("events"):
        error(400, "missing_parameter", "url and events are required")
    if len(call.account.webhooks) >= MOST:
        error(400, "out_of_range", f"Maximum limit of {MOST} webhooks reached")
    hook = Webhook(call.account.next("webhook", 5001), "", [], created=call.now())
    _apply(hook, wish)
    call.account.webhooks[hook.id] = hook
    return reply({"id": hook.id}, 201)


def get(call: Call) -> Response:
    return reply(shown(_hook(call)))


def change(call: Call) -> Response:
    _apply(_hook(call), call.body())
    return empty()


def delete(call: Call) -> Response:
    del call.account.webhooks[_hook(call).id]
    return empty()


def _apply(hook: Webhook, wish: Record) -> None:
    hook.type = wish.get("type", hook.type)
    if hook.type not in EVENTS:
        error(400, "invalid_parameter", "type is not valid")
    events = wish.get("events", hook.events)
    if not isinstance(events, list) or any(event not in EVENTS[hook.type] for event in events):
        error(400, "invalid_parameter", "events is not valid")
    if not _acceptable(wish.get("url", hook.url)):
        error(400, "invalid_parameter", "url is not valid")
    auth = wish.get("auth", hook.auth)
    if auth is not None and (not isinstance(auth, dict) or auth.get("type") != "bearer" or not auth.get("token")):
        error(400, "invalid_parameter", "auth is not valid")
    hook.url, hook.events, hook.auth = wish.get("url", hook.url), events, auth
    hook.description = wish.get("description", hook.description)
    hook.channel = wish.get("channel", hook.channel)
    hook.batched = bool(wish.get("batched", hook.batched))
    hook.headers = wish.get("headers", hook.headers)


def _acceptable(url: Any) -> bool:
    """HTTPS, or plain http to this machine, where the tests' receivers stand."""
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def _hook(call: Call) -> Webhook:
    return call.account.webhooks.get(id_of(call)) or error(404, "document_not_found", "Webhook not found")


def shown(hook: Webhook) -> Record:
    return {
        "id": hook.id, "url": hook.url, "description": hook.description, "events": hook.events, "type": hook.type,
        "channel": hook.channel, "batched": hook.batched, "auth": hook.auth, "headers": hook.headers,
        "createdAt": hook.created, "modifiedAt": hook.created,
    }  # fmt: skip


ENDPOINTS = [
    Endpoint("GET", "webhooks", list_hooks, OTHER),
    Endpoint("POST", "webhooks", create, OTHER),
    Endpoint("GET", "webhooks/{id}", get, OTHER),
    Endpoint("PUT", "webhooks/{id}", change, OTHER),
    Endpoint("DELETE", "webhooks/{id}", delete, OTHER),
]
