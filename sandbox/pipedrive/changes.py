"""Every change of a record goes through here, whoever makes it: API, a person in the UI, a seed.

Stores the new row and tells `events`; checks references, not body shapes.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sandbox.http import Record
from sandbox.pipedrive import deals, events
from sandbox.pipedrive.api import Actor, Call, invalid
from sandbox.pipedrive.fields import check_custom
from sandbox.pipedrive.kinds import Kind
from sandbox.pipedrive.model import Company
from sandbox.pipedrive.schema import Invalid

REFERENCES = {"org_id": "organization", "person_id": "person", "deal_id": "deal", "pipeline_id": "pipeline",
              "stage_id": "stage"}  # fmt: skip

MARKETPLACE_CHANNEL = 54
SEARCH_DELAY_S = 2.0  # where the switch is thrown


def create(call: Call, kind: Kind, values: Record) -> Record:
    """Store a new record and send its events."""
    row = build(call.company, kind, values, call.actor, call.sandbox.clock.rfc3339())
    row["id"] = call.company.tables[kind.name].next_id()
    if kind.name == "deal":
        row |= app_origin(call)
    call.company.tables[kind.name].put(row)
    note_search_delay(call, kind.name, row["id"])
    events.announce(call, "create", kind.name, row, None)
    return row


def build(company: Company, kind: Kind, values: Record, actor: Actor, now: str) -> Record:
    """Return a complete row (without id) from a checked body."""
    _check_references(company, values)
    row: Record = {**kind.empties, "owner_id": actor.user.id, "visible_to": 3, "is_deleted": False}
    row |= {"add_time": now, "update_time": now, "creator_user_id": actor.user.id, "custom_fields": {}}
    row |= _normalised(company, kind, values)
    row["custom_fields"] = _without_empty(row["custom_fields"])
    if kind.name == "deal":
        deals.complete(company, row, values, now)
    if kind.name in ("pipeline", "stage"):
        row.setdefault("order_nr", len(company.tables[kind.name]) + 1)
    return row


def update(call: Call, kind: Kind, old: Record, values: Record) -> Record:
    """Apply a checked body; a body that changes nothing sends no event."""
    _check_references(call.company, values)
    changes = _normalised(call.company, kind, values)
    if "custom_fields" in changes:
        changes["custom_fields"] = _without_empty(old["custom_fields"] | changes["custom_fields"])
    now = call.sandbox.clock.rfc3339()
    if kind.name == "deal":
        changes = deals.consequences(call.company, old, changes, now)
    if all(old.get(key) == value for key, value in changes.items()):
        return old
    row = {**old, **changes, "update_time": now}
    call.company.tables[kind.name].put(row)
    note_search_delay(call, kind.name, row["id"])
    events.announce(call, "change", kind.name, row, old)
    return row


def delete(call: Call, kind: Kind, old: Record, **meta: str) -> None:
    """Delete softly; for 30 days the row stays readable as deleted."""
    row = {**old, "is_deleted": True, "update_time": call.sandbox.clock.rfc3339()}
    if kind.name == "deal":
        row["status"] = "deleted"
    call.company.tables[kind.name].put(row)
    events.announce(call, "delete", kind.name, None, old, **meta)


def restore(call: Call, kind: Kind, old: Record) -> Record:
    """Take a record out of the bin. Nobody is told of it: no document names an event."""
    row = {**old, "is_deleted": False, "update_time": call.sandbox.clock.rfc3339()}
    if row.get("status") == "deleted":
        row["status"] = "open"
    call.company.tables[kind.name].put(row)
    return row


def app_origin(call: Call) -> Record:
    """Return where a deal or lead made by an app says it comes from; those fields are not the app's to use."""
    client_id = call.actor.client_id
    if client_id is None:
        return {}
    origin_id = hashlib.sha256(client_id.encode()).hexdigest()[:16]
    name = call.world.apps[client_id].name if client_id in call.world.apps else client_id
    return {"origin": "Marketplace", "origin_id": origin_id, "channel": MARKETPLACE_CHANNEL, "channel_id": name}


def note_search_delay(call: Call, kind: str, record_id: Any) -> None:
    """Search is index based: with a delay switched on, a change shows up later."""
    delay = call.sandbox.misbehaviour.of("pipedrive", call.company.domain).search_delay_s
    if "pipedrive.search_delay" in call.sandbox.thrown:
        delay = max(delay, SEARCH_DELAY_S)
    if delay:
        call.company.search_visible_at[(kind, record_id)] = call.sandbox.clock.seconds() + delay


def _normalised(company: Company, kind: Kind, values: Record) -> Record:
    row = dict(values)
    if kind.name == "person":
        _normalise_person(row)
    if kind.name == "activity":
        _normalise_activity(row)
    if "custom_fields" in row:
        row["custom_fields"] = _checked_custom(company, kind, row["custom_fields"])
    return row


def _checked_custom(company: Company, kind: Kind, values: Any) -> Record:
    try:
        return check_custom(company.fields[kind.name], values)
    except Invalid as error:
        invalid(error.name, error.problem)


def _normalise_person(row: Record) -> None:
    if "name" in row:
        first, _, last = row["name"].strip().rpartition(" ")
        row["first_name"], row["last_name"] = (first, last) if first else (last, None)
    for key in ("emails", "phones"):
        if key in row:
            row[key] = _channels(row[key])


def _channels(items: list[Record]) -> list[Record]:
    """Default the label to work and make exactly one item primary: the last one marked, else the first."""
    marked = [at for at, item in enumerate(items) if item.get("primary")]
    primary = marked[-1] if marked else 0
    return [
        {"label": item.get("label") or "work", "value": item["value"], "primary": at == primary}
        for at, item in enumerate(items)
    ]


def _normalise_activity(row: Record) -> None:
    if "participants" in row:
        row["participants"] = [
            {"person_id": item["person_id"], "primary": bool(item.get("primary"))} for item in row["participants"]
        ]
        primary = [item for item in row["participants"] if item["primary"]] or row["participants"]
        row["person_id"] = primary[0]["person_id"] if primary else None


def _without_empty(values: Record) -> Record:
    return {key: value for key, value in values.items() if value is not None}


def _check_references(company: Company, values: Record) -> None:
    if values.get("owner_id") is not None and values["owner_id"] not in company.users:
        invalid("owner_id", f"User with ID {values['owner_id']} does not exist")
    for key, kind in REFERENCES.items():
        if values.get(key) is not None:
            _check_exists(company, kind, key, values[key])
    for item in values.get("participants") or ():
        _check_exists(company, "person", "participants", item["person_id"])


def _check_exists(company: Company, kind: str, name: str, record_id: Any) -> None:
    row = company.tables[kind].get(record_id)
    if row is None or row["is_deleted"]:
        invalid(name, f"{kind.capitalize()} with ID {record_id} does not exist")
