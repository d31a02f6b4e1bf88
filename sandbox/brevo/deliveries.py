"""Outgoing webhooks: snake_case names, no signature, and an event is dropped at the first 4xx (but 429) or 5xx."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.brevo.model import Account, Contact, Webhook
from sandbox.delivery import Delivery
from sandbox.http import Record
from sandbox.state import Sandbox

TIMEOUT_S = 10.0
RETRIES_S = (600.0, 3600.0, 7200.0, 28_800.0)
# The name registered → the one in the payload.
NAMES = {
    "contactUpdated": "contact_updated", "contactDeleted": "contact_deleted", "listAddition": "list_addition",
    "hardBounce": "hard_bounced", "softBounce": "soft_bounced", "unsubscribed": "unsubscribed", "spam": "spam",
}  # fmt: skip
PARIS = ZoneInfo("Europe/Paris")


def updated(sandbox: Sandbox, account: Account, contact: Contact, changed: Record, key_name: str) -> None:
    """Tell who listens what changed in one contact, and under which key."""
    if "brevo.event_form" not in account.thrown:
        content = [{"email": contact.email, "emailBlacklist": contact.email_blacklisted, "list": {}, **changed}]
        _announce(sandbox, account, "contactUpdated", {"content": content, "api_key_name": key_name})
        return
    _announce(sandbox, account, "contactUpdated", {"email": contact.email, "content": [changed],
                                                   "api_key_name": key_name})  # fmt: skip


def updated_many(sandbox: Sandbox, account: Account, contacts: Sequence[Contact], key_name: str) -> None:
    """A bulk change names its addresses in one array and says nothing about the values."""
    if contacts and "brevo.event_of_import" in account.thrown:
        for contact in contacts:
            updated(sandbox, account, contact, {}, key_name)
    elif contacts:
        emails = [contact.email for contact in contacts]
        _announce(sandbox, account, "contactUpdated", {"email": emails, "content": [], "api_key_name": key_name})


def joined(
    sandbox: Sandbox, account: Account, contacts: Sequence[Contact], number: int, key_name: str, *, bulk: bool
) -> None:
    emails: Any = [contact.email for contact in contacts]
    body = {"email": emails if bulk else emails[0], "list_id": [number], "api_key_name": key_name}
    _announce(sandbox, account, "listAddition", body)


def deleted(sandbox: Sandbox, account: Account, contact: Contact) -> None:
    body = {"email": contact.email, "list_id": sorted(contact.lists)}
    _announce(sandbox, account, "contactDeleted", body)


def campaign(sandbox: Sandbox, account: Account, event: str, contact: Contact, more: Record) -> None:
    """A mail's fate: unsubscribed, hardBounce, softBounce, spam."""
    now = sandbox.clock.now()
    body = {
        "camp_id": 3, "email": contact.email, "campaign name": "Newsletter", "date_sent": now.strftime("%F %T"),
        "date_event": now.strftime("%F %T"), "tag": "", "ts_sent": int(now.timestamp()) - 60,
        "ts_event": int(now.timestamp()), "segment_ids": [], **more,
    }  # fmt: skip
    _announce(sandbox, account, event, body)


def _announce(sandbox: Sandbox, account: Account, event: str, body: Record) -> None:
    now = sandbox.clock.now()
    local: Record = {"date": now.astimezone(PARIS).strftime("%F %T")}
    if "brevo.event_time" in account.thrown:
        local["ts"] = int(now.timestamp())
    for hook in list(account.webhooks.values()):
        if event in hook.events:
            sandbox.courier.submit(_delivery(account, hook, event, {**body, **local}))


def _delivery(account: Account, hook: Webhook, event: str, body: Record) -> Delivery:
    row = {"id": hook.id, "event": NAMES.get(event, event), "key": account.id, **body}
    sent = json.dumps([row] if hook.batched else row, ensure_ascii=False).encode()
    headers = {"content-type": "application/json", **{item["key"]: item["value"] for item in hook.headers}}
    if hook.auth:
        headers["authorization"] = f"Bearer {hook.auth['token']}"
    return Delivery(
        vendor="brevo", account=account.id, webhook_id=str(hook.id), event=event, method="POST", url=hook.url,
        body=lambda attempt: sent, headers=headers, timeout_s=TIMEOUT_S, retries_s=RETRIES_S,
        wanted=lambda attempt: hook.id in account.webhooks, retried=lambda status: status in (None, 429),
    )  # fmt: skip
