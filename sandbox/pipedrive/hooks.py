"""Webhook management (v1): create, list, delete, with the vendor's checks of URL, events and count."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response

from sandbox.http import Record, reply
from sandbox.pipedrive.api import ADMIN, Call, Endpoint, loose_body
from sandbox.pipedrive.model import Webhook

SCOPES = (*ADMIN, "webhooks:full")
READ_SCOPES = (*SCOPES, "webhooks:read")
MOST_PER_USER = 40
ACTIONS = {"2.0": ("create", "change", "delete", "*"), "1.0": ("added", "updated", "deleted", "merged", "*")}
OBJECTS = {
    "2.0": ("activity", "deal", "lead", "note", "organization", "person", "pipeline", "product", "stage", "user", "*"),
    "1.0": ("activity", "activityType", "deal", "note", "organization", "person", "pipeline", "product", "stage",
            "user", "*"),
}  # fmt: skip


def list_webhooks(call: Call) -> Response:
    rows = [shown(call, hook) for hook in call.company.webhooks.values() if hook.client_id == call.actor.client_id]
    return reply({"status": "ok", "success": True, "data": rows})


def create_webhook(call: Call) -> Response:
    wish = loose_body(call)
    errors = _problems(call, wish)
    if errors:
        return _errors(400, errors)
    owner = int(wish.get("user_id") or call.actor.user.id)
    mine = [hook for hook in call.company.webhooks.values() if hook.user_id == owner]
    if len(mine) >= MOST_PER_USER:
        return _errors(422, {"user_id": ["webhook limit reached"]})
    hook = _build(call, wish, owner)
    call.company.webhooks[hook.id] = hook
    return reply({"status": "ok", "success": True, "data": shown(call, hook)}, 201)


def delete_webhook(call: Call) -> Response:
    raw = call.params["id"]
    hook = call.company.webhooks.get(int(raw)) if raw.isdigit() else None
    if hook is None:
        return _errors(404, {"id": ["not found"]})
    if hook.client_id != call.actor.client_id:
        return reply({"success": False, "message": "Forbidden"}, 403)
    del call.company.webhooks[hook.id]
    return reply({"status": "ok", "success": True})


def _build(call: Call, wish: Record, owner: int) -> Webhook:
    return Webhook(
        id=call.company.next("webhook", 4_710_001),
        user_id=owner,
        admin_id=call.actor.user.id,
        name=wish["name"],
        subscription_url=wish["subscription_url"],
        event_action=wish["event_action"],
        event_object=wish["event_object"],
        version=str(wish.get("version") or "2.0"),
        http_auth_user=wish.get("http_auth_user"),
        http_auth_password=wish.get("http_auth_password"),
        add_time=call.sandbox.clock.rfc3339_ms(),
        added_at=call.sandbox.clock.seconds(),
        client_id=call.actor.client_id,
    )


def _problems(call: Call, wish: Record) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    version = str(wish.get("version") or "2.0")
    if version not in ACTIONS:
        errors["version"] = ["invalid value"]
        version = "2.0"
    if wish.get("event_action") not in ACTIONS[version]:
        errors["event_action"] = ["invalid value" if "event_action" in wish else "field is required"]
    if wish.get("event_object") not in OBJECTS[version]:
        errors["event_object"] = ["invalid value" if "event_object" in wish else "field is required"]
    if not isinstance(wish.get("name"), str) or not 0 < len(wish["name"]) <= 255:
        errors["name"] = ["must be a string of at most 255 characters" if "name" in wish else "field is required"]
    if not _reachable(wish.get("subscription_url")):
        errors["subscription_url"] = ["invalid or non-reachable URL"]
    if wish.get("user_id") is not None and wish["user_id"] not in call.company.users:
        errors["user_id"] = ["not found"]
    return errors


def _reachable(url: Any) -> bool:
    """Check the form only: here receivers stand on 127.0.0.1, so the vendor's public-address test is left out."""
    if not isinstance(url, str):
        return False
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not _is_vendor(parts.hostname or "")


def _is_vendor(host: str) -> bool:
    return host == "pipedrive.com" or host.endswith(".pipedrive.com")


def _errors(status: int, errors: dict[str, list[str]]) -> Response:
    return reply({"status": "error", "success": False, "errors": errors}, status)


def shown(call: Call, hook: Webhook) -> Record:
    return {
        "id": hook.id,
        "company_id": call.company.id,
        "owner_id": hook.user_id,
        "user_id": hook.user_id,
        "event_action": hook.event_action,
        "event_object": hook.event_object,
        "subscription_url": hook.subscription_url,
        "version": hook.version,
        "is_active": 0 if call.sandbox.clock.seconds() < hook.banned_until else 1,
        "add_time": hook.add_time,
        "remove_time": None,
        "type": "general" if hook.client_id is None else "application",
        "http_auth_user": hook.http_auth_user,
        "http_auth_password": hook.http_auth_password,
        "remove_reason": None,
        "last_delivery_time": hook.last_delivery_time,
        "last_http_status": hook.last_http_status,
        "admin_id": hook.admin_id,
        "name": hook.name,
    }


ENDPOINTS = [
    Endpoint("GET", "v1/webhooks", list_webhooks, 10, READ_SCOPES, admin=True),
    Endpoint("POST", "v1/webhooks", create_webhook, 10, SCOPES, admin=True),
    Endpoint("DELETE", "v1/webhooks/{id}", delete_webhook, 6, SCOPES, admin=True),
]
