"""Custom fields: list, create, rename, delete. A field's values are kept under its name (sheet §3)."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Record, reply
from sandbox.planhat.api import Call, error, number
from sandbox.planhat.model import BY_NAME, Account
from sandbox.state import Sandbox

TYPES = ("number", "text", "rich text", "checkbox", "day", "date", "list", "multipicklist", "team member",
         "team members", "rating", "phone", "email", "enduser", "endusers", "url")  # fmt: skip
PARENTS = {"enduser": "EndUser"}
DEFAULTS = {"isHidden": False, "isFeatured": False, "isLocked": False, "isMandatory": False, "isFormula": False}


def add(sandbox: Sandbox, account: Account, wish: Record) -> Record:
    """Raises ValueError for what the vendor refuses."""
    if not wish.get("name") or wish.get("type") not in TYPES or wish.get("parent") not in BY_NAME:
        raise ValueError("name, type and parent are required")
    same = (row["name"] == wish["name"] and row["parent"] == wish["parent"] for row in account.custom_fields.values())
    if any(same):
        raise ValueError("name duplicated")
    row = {**DEFAULTS, **wish, "_id": sandbox.planhat.new_id()}
    account.custom_fields[row["_id"]] = row
    return row


def list_fields(call: Call) -> Response:
    rows = [_shown(call, row) for row in call.account.custom_fields.values()]
    offset, limit = number(call, "offset", 0, 10**9), number(call, "limit", 100, 2000)
    return reply(rows[offset : offset + limit])


def _shown(call: Call, row: Record) -> Record:
    if "planhat.custom_parents" in call.sandbox.thrown:
        return {**row, "parent": PARENTS.get(row["parent"], str(row["parent"]).title())}
    return row


def create_field(call: Call) -> Response:
    try:
        return reply(_shown(call, add(call.sandbox, call.account, call.object())))
    except ValueError as wrong:
        error(400, f"Failed to create customfield: {wrong}")


def change_field(call: Call) -> Response:
    row, wish = _find(call), call.object()
    if wish.get("name", row["name"]) != row["name"]:
        _move_values(call.account, row, wish["name"])
    row |= {key: value for key, value in wish.items() if key not in ("_id", "parent", "type")}
    return reply(row)


def delete_field(call: Call) -> Response:
    del call.account.custom_fields[_find(call)["_id"]]
    return reply({"n": 1, "ok": 1, "deletedCount": 1})


def _find(call: Call) -> Record:
    return call.account.custom_fields.get(call.params["id"]) or error(404, "customfield not found")


def _move_values(account: Account, field: Record, name: str) -> None:
    for row in account.table(field["parent"]).rows.values():
        if field["name"] in row.get("custom", {}):
            row["custom"][name] = row["custom"].pop(field["name"])
