"""Bulk upsert: up to 5,000 records of one model, matched by their keys; what is wrong with some does not stop the rest.

Two traps are played (sheet §4): the same person twice in one call, and two calls for the same person at once.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sandbox.http import Record, reply
from sandbox.planhat.api import Call, error
from sandbox.planhat.records import store
from sandbox.planhat.rules import Wrong

MOST = 5000
DUPLICATE = "externalId,email duplicated"


def upsert(call: Call) -> Response:
    rows = call.body()
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        error(400, "Expected an array of objects")
    if len(rows) > MOST:
        error(400, f"At most {MOST} items per request")
    answer: Record = {"created": 0, "createdErrors": [], "insertsKeys": [], "updated": 0, "updatedErrors": [],
                      "updatesKeys": [], "nonupdates": 0, "modified": [], "upsertedIds": [],
                      "permissionErrors": []}  # fmt: skip
    met: set[str] = set()
    for wish in rows:
        _one(call, wish, met, answer)
    now = call.sandbox.clock.seconds()
    call.account.written |= dict.fromkeys(met, now)
    return reply(answer, _status(call, answer))


def _status(call: Call, answer: Record) -> int:
    if answer["permissionErrors"]:
        return 403
    if answer["createdErrors"] or answer["updatedErrors"]:
        return 206 if "planhat.bulk_status" in call.sandbox.thrown else 400
    return 200


def _one(call: Call, wish: Record, met: set[str], answer: Record) -> None:
    old = _match(call, wish)
    if call.model.name in call.account.refused:
        answer["permissionErrors"].append(_told(call, wish, "No permission for this record"))
        return
    try:
        _trap(call, wish, met)
        row, changed = store(call, old, wish)
    except Wrong as wrong:
        answer["updatedErrors" if old else "createdErrors"].append(_told(call, wish, str(wrong)))
        return
    if old is None:
        answer["created"] += 1
        answer["insertsKeys"].append(_keys(call, row))
        answer["upsertedIds"].append(row["_id"])
    elif changed:
        answer["updated"] += 1
        answer["updatesKeys"].append(_keys(call, row))
        answer["modified"].append(row["_id"])
    else:
        answer["nonupdates"] += 1


def _match(call: Call, wish: Record) -> Record | None:
    by_all = "planhat.note_keys" in call.sandbox.thrown
    keys = call.model.keys if by_all else call.model.bulk_keys or call.model.keys
    if "planhat.key_order" in call.sandbox.thrown:
        keys = tuple(reversed(keys))
    found = (call.table.find(key, wish.get(key)) for key in keys)
    return next((row for row in found if row is not None), None)


def _trap(call: Call, wish: Record, met: set[str]) -> None:
    email = str(wish.get("email") or "").lower()
    if call.model.name != "enduser" or not email:
        return
    if email in met or call.account.written.get(email, 0.0) > call.arrived:
        raise Wrong(DUPLICATE)
    met.add(email)


def _keys(call: Call, row: Record) -> Record:
    names = call.model.keys if "planhat.told_keys" in call.sandbox.thrown else ("_id",)
    return {key: row[key] for key in names if key in row}


def _told(call: Call, wish: Record, why: str) -> Any:
    """The vendor documents no form (sheet §4); a connector must not depend on one."""
    form = call.account.error_form or ("item" if "planhat.error_form" in call.sandbox.thrown else "text")
    if form == "text":
        return why
    if form == "nested":
        return {"message": why, "item": wish}
    return {**wish, "error": why}
