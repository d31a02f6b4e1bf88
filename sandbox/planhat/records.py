"""Single records: list, read, create, change, delete; and the lean list of companies."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Record, reply
from sandbox.planhat import automations
from sandbox.planhat.api import Call, error, page
from sandbox.planhat.rules import Wrong, checked, named, shown

LEAN = ("_id", "name", "slug", "externalId", "sourceId")


def store(call: Call, old: Record | None, wish: Record) -> tuple[Record, bool]:
    """Create or change a record; returns it and whether anything changed. Raises Wrong."""
    model, now = call.model, call.now()
    row = checked(call.account, model, old, wish)
    if old is not None and row == old:
        return old, False
    row["_id"] = old["_id"] if old else call.sandbox.planhat.new_id()
    row |= {"createdAt": old["createdAt"] if old else now, "updatedAt": now}
    if model.name == "company":
        row["lastUpdated"] = now
    call.table.put(row)
    automations.announce(call.sandbox, call.account, model.name, row)
    return row, True


def find(call: Call) -> Record:
    return call.table.find(*named(call.params["id"])) or error(404, f"{call.model.name} not found")


def list_records(call: Call) -> Response:
    rows = list(call.table.rows.values())
    if call.query.get("archived", "false") != "true":
        rows = [row for row in rows if not row.get("archived")]
    if email := call.query.get("email"):
        rows = [row for row in rows if str(row.get("email", "")).lower() == email.lower()]
    if companies := call.query.get("companyId"):
        rows = [row for row in rows if row.get("companyId") in companies.split(",")]
    return page(call, [shown(call.account, call.model, row) for row in rows])


def lean_companies(call: Call) -> Response:
    rows = list(call.account.table("company").rows.values())
    for key in ("externalId", "sourceId", "status"):
        if key in call.query:
            rows = [row for row in rows if str(row.get(key, "")) == call.query[key]]
    return reply([{key: row[key] for key in LEAN if key in row} for row in rows])


def get_record(call: Call) -> Response:
    return reply(shown(call.account, call.model, find(call)))


def create_record(call: Call) -> Response:
    return _stored(call, None)


def change_record(call: Call) -> Response:
    return _stored(call, find(call))


def _stored(call: Call, old: Record | None) -> Response:
    try:
        row, _ = store(call, old, call.object())
    except Wrong as wrong:
        error(400, f"Failed to {'update' if old else 'create'} {call.model.name}: {wrong}")
    return reply(shown(call.account, call.model, row))


def delete_record(call: Call) -> Response:
    call.table.forget(find(call)["_id"])
    return reply({"n": 1, "ok": 1, "deletedCount": 1})
