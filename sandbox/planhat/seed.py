"""The default account: its team, some custom fields, no company yet."""

from __future__ import annotations

from sandbox.http import Record
from sandbox.planhat.customfields import DEFAULTS
from sandbox.planhat.model import World

TOKEN = "plan0hat0plan0hat0plan0hat0plan0hat0plan0hat0plan0hat0plan0hat01"
TEAM = (("Grace", "Hopper", "grace@acme.example"), ("Katherine", "Johnson", "katherine@acme.example"))
FIELDS = (
    ("Company Size", "number", "company", ()),
    ("Segment", "list", "company", ("SMB", "Enterprise")),
    ("Newsletter", "checkbox", "enduser", ()),
    ("Source deal", "text", "license", ()),
)


def seed(world: World) -> None:
    account = world.add("ACME Customer Success", TOKEN)
    now = "2026-01-05T09:00:00.000Z"
    for first, last, email in TEAM:
        row: Record = {"_id": world.new_id(), "firstName": first, "lastName": last, "nickName": first, "email": email,
                       "roles": ["admin"], "custom": {}, "createdAt": now, "updatedAt": now}  # fmt: skip
        account.table("user").put(row)
    for name, kind, parent, values in FIELDS:
        field: Record = {**DEFAULTS, "_id": world.new_id(), "name": name, "type": kind, "parent": parent}
        account.custom_fields[field["_id"]] = {**field, "listValues": list(values)} if values else field
