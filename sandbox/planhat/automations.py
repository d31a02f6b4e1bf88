"""Automations with an outgoing call: on each change of a model, a POST with the tenant's own template (sheet §6)."""

from __future__ import annotations

import json

from sandbox.delivery import Delivery
from sandbox.http import Record
from sandbox.planhat.model import Account
from sandbox.state import Sandbox


def announce(sandbox: Sandbox, account: Account, model: str, row: Record) -> None:
    for number, automation in enumerate(account.automations):
        if automation["model"] == model:
            sandbox.courier.submit(_delivery(account, str(number), automation, model, row))


def _delivery(account: Account, number: str, automation: Record, model: str, row: Record) -> Delivery:
    body = json.dumps({"model": model.capitalize(), "_id": row["_id"], "updatedAt": row["updatedAt"]}).encode()
    headers = {"Content-Type": "application/json", **automation.get("headers", {})}
    return Delivery("planhat", account.id, number, f"{model}.changed", "POST", automation["url"], lambda attempt: body,
                    headers, timeout_s=10)  # fmt: skip
