"""Turns a change into webhook deliveries: who subscribed, which payload version, and the vendor's ban rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from sandbox.delivery import Delivery
from sandbox.http import Record
from sandbox.pipedrive.api import Call
from sandbox.pipedrive.model import Company, Webhook
from sandbox.pipedrive.shapes import v1_object, webhook_custom, webhook_data
from sandbox.state import Sandbox

TIMEOUT_S = 10.0
RETRIES_S = (3.0, 30.0, 150.0)
BAN_AFTER_FAILED_FIRST_TRIES = 10
BAN_S = 30 * 60.0
DELETED_AFTER_S = 3 * 24 * 3600.0
V1_ACTIONS = {"create": "added", "change": "updated", "delete": "deleted"}


def announce(call: Call, action: str, kind: str, new: Record | None, old: Record | None, **meta: str) -> None:
    """Send one event to every webhook that asked for it."""
    hooks = [hook for hook in call.company.webhooks.values() if _subscribed(hook, action, kind, meta)]
    if not hooks:
        return
    moment = call.sandbox.clock.now()
    event_id = str(uuid4())
    for hook in hooks:
        build = _payload_v1 if hook.version == "1.0" else _payload_v2
        payload = build(call, hook, action, kind, new, old, moment, event_id, meta)
        deliver(call.sandbox, call.company, hook, f"{action}.{kind}", payload)


def _subscribed(hook: Webhook, action: str, kind: str, meta: dict[str, str]) -> bool:
    name = _v1_action(action, meta) if hook.version == "1.0" else action
    if hook.version == "1.0" and kind == "lead":
        return False
    return hook.event_action in ("*", name) and hook.event_object in ("*", kind)


def _v1_action(action: str, meta: dict[str, str]) -> str:
    return "merged" if "merged_from_id" in meta else V1_ACTIONS[action]


def _payload_v2(call: Call, hook: Webhook, action: str, kind: str, new: Record | None, old: Record | None,
                moment: datetime, event_id: str, more: dict[str, str]) -> Record:  # fmt: skip
    company, actor = call.company, call.actor
    entity = new or old or {}
    meta = {
        "action": action,
        "entity": kind,
        "entity_id": str(entity["id"]),
        "company_id": str(company.id),
        "user_id": str(actor.user.id),
        "correlation_id": str(uuid4()),
        "id": event_id,
        "is_bulk_edit": False,
        "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "type": "general" if hook.client_id is None else "application",
        "version": "2.0",
        "webhook_id": str(hook.id),
        "webhook_owner_id": str(hook.user_id),
        "change_source": actor.source,
        "attempt": 1,
        "host": f"{company.domain}.pipedrive.com",
        "permitted_user_ids": [str(user.id) for user in company.users.values() if user.active],
    }
    data = webhook_data(company, kind, new) if new else None
    return {"data": data, "previous": _previous(company, kind, action, new, old), "meta": meta | more}


def _previous(company: Company, kind: str, action: str, new: Record | None, old: Record | None) -> Record | None:
    """Return the last state of a deleted record, or only the changed keys of a changed one."""
    if old is None:
        return None
    before = webhook_data(company, kind, old)
    if new is None:
        return before
    after = webhook_data(company, kind, new)
    changed = {key: before[key] for key in before if key not in ("update_time", "custom_fields")}
    changed = {key: value for key, value in changed.items() if after[key] != value}
    return changed | _previous_custom(company, kind, new, old)


def _previous_custom(company: Company, kind: str, new: Record, old: Record) -> Record:
    before, after = old.get("custom_fields", {}), new.get("custom_fields", {})
    codes = [code for code in before | after if before.get(code) != after.get(code)]
    if not codes:
        return {}
    typed = webhook_custom(company, kind, before)
    return {"custom_fields": {code: typed.get(code) for code in codes}}


def _payload_v1(call: Call, hook: Webhook, action: str, kind: str, new: Record | None, old: Record | None,
                moment: datetime, event_id: str, more: dict[str, str]) -> Record:  # fmt: skip
    company, name = call.company, _v1_action(action, more)
    filters: Record = {"current": [], "previous": []}
    entity = new or old or {}
    meta = {
        "v": 1,
        "action": name,
        "object": kind,
        "id": entity["id"],
        "company_id": company.id,
        "user_id": call.actor.user.id,
        "host": f"{company.domain}.pipedrive.com",
        "timestamp": int(moment.timestamp()),
        "timestamp_micro": int(moment.timestamp() * 1_000_000),
        "permitted_user_ids": [user.id for user in company.users.values() if user.active],
        "trans_pending": False,
        "is_bulk_update": False,
        "pipedrive_service_name": False,
        "change_source": call.actor.source,
        "matches_filters": filters,
        "webhook_id": str(hook.id),
    }
    return {
        "v": 1,
        "matches_filters": filters,
        "meta": meta,
        "retry": 0,
        "current": v1_object(company, kind, new, nested=False) if new else None,
        "previous": v1_object(company, kind, old, nested=False) if old else None,
        "event": f"{name}.{kind}",
    }


def deliver(sandbox: Sandbox, company: Company, hook: Webhook, event: str, payload: Record) -> None:
    """Hand the payload to the courier; a banned webhook loses it."""
    delivery = Delivery(
        vendor="pipedrive",
        account=company.domain,
        webhook_id=str(hook.id),
        event=event,
        method="POST",
        url=hook.subscription_url,
        body=_numbered(payload, same_id="pipedrive.event_id" in company.thrown),
        headers={"content-type": "application/json", "user-agent": "Pipedrive Webhooks"},
        timeout_s=TIMEOUT_S,
        auth=(hook.http_auth_user, hook.http_auth_password or "") if hook.http_auth_user else None,
        retries_s=RETRIES_S,
        wanted=lambda attempt: hook.id in company.webhooks,
        on_attempt=lambda attempt, success, status: note_attempt(sandbox, company, hook, attempt, success, status),
    )
    if sandbox.clock.seconds() < hook.banned_until:
        sandbox.courier.note_lost(delivery, "banned")
    else:
        sandbox.courier.submit(delivery)


def _numbered(payload: Record, *, same_id: bool) -> Callable[[int], bytes]:
    """Return the bytes of a given attempt: the payload itself counts the tries."""

    def body(attempt: int) -> bytes:
        numbered: dict[str, Any] = dict(payload)
        if "retry" in payload:
            numbered["retry"] = attempt - 1
        else:
            again = {} if same_id or attempt == 1 else {"id": str(uuid4())}
            numbered["meta"] = payload["meta"] | {"attempt": attempt} | again
        return json.dumps(numbered, ensure_ascii=False).encode()

    return body


def note_attempt(
    sandbox: Sandbox, company: Company, hook: Webhook, attempt: int, success: bool, status: int | None
) -> None:
    """Keep the webhook's counters: ten failed first tries ban it, three days without success delete it."""
    now = sandbox.clock.seconds()
    hook.last_delivery_time, hook.last_http_status = sandbox.clock.rfc3339_ms(), status
    if success:
        hook.last_success_at, hook.failing_since = now, None
        return
    hook.failing_since = hook.failing_since or now
    if attempt == 1:
        hook.first_try_failures += 1
        if hook.first_try_failures >= BAN_AFTER_FAILED_FIRST_TRIES:
            hook.banned_until, hook.first_try_failures = now + BAN_S, 0
    if now - hook.failing_since >= DELETED_AFTER_S:
        company.webhooks.pop(hook.id, None)
