"""Outgoing webhooks: which webhook wants the event, its URL parameters and its flat JSON body."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlsplit

from sandbox.delivery import Delivery
from sandbox.http import Record
from sandbox.maileon.api import local
from sandbox.maileon.document import standard_value
from sandbox.maileon.model import Account, Contact, Webhook
from sandbox.state import Sandbox

TIMEOUT_S = 5.0


def announce(sandbox: Sandbox, account: Account, event: str, contact: Contact, details: Record) -> None:
    """Send one event to every webhook of that event; there are no retries."""
    facts = {"timestamp": local(sandbox, sandbox.clock.now()), **details}
    for hook in account.webhooks.values():
        if hook.event == event:
            sandbox.courier.submit(_delivery(account, hook, contact, facts))


def _delivery(account: Account, hook: Webhook, contact: Contact, facts: Record) -> Delivery:
    body = _body(hook, contact, facts)
    return Delivery(
        vendor="maileon",
        account=str(account.id),
        webhook_id=str(hook.id),
        event=hook.event,
        method="POST",
        url=_url(hook, contact),
        body=lambda attempt: body,
        headers={"content-type": "application/json; charset=UTF-8"} if body else {},
        timeout_s=TIMEOUT_S,
        wanted=lambda attempt: hook.id in account.webhooks,
    )


def _body(hook: Webhook, contact: Contact, facts: Record) -> bytes:
    """Return the flat object; custom contact fields do not work in webhooks made by API and are left out."""
    if not (hook.standard_fields or hook.custom_fields or hook.event_fields):
        return b""
    values: Record = {name: _standard(contact, name) for name in hook.standard_fields}
    values |= {name: facts.get(name) for name in hook.event_fields}
    return json.dumps(values, ensure_ascii=False).encode()


def _url(hook: Webhook, contact: Contact) -> str:
    pairs = [(item["name"], _param(item, contact)) for item in hook.url_params]
    extra = "&".join(f"{quote(name, safe='')}={quote(str(value), safe='')}" for name, value in pairs)
    if not extra:
        return hook.url
    return f"{hook.url}{'&' if urlsplit(hook.url).query else '?'}{extra}"


def _param(item: Record, contact: Contact) -> Any:
    if item.get("custom_value") is not None:
        return item["custom_value"]
    name = item.get("standard_contact_field")
    value = _standard(contact, name) if name else contact.custom.get(item.get("custom_contact_field") or "")
    return "" if value is None else value


def _standard(contact: Contact, name: str) -> Any:
    plain = {"email": contact.email, "external_id": contact.external_id, "id": contact.id}
    key = name.lower()
    return plain[key] if key in plain else standard_value(contact, name.upper())
