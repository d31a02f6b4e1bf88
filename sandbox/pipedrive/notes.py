"""Notes (v1): HTML text hung on a deal, person, organization or lead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from sandbox.http import Record
from sandbox.pipedrive import events
from sandbox.pipedrive.api import (
    CONTACTS_READ,
    CONTACTS_WRITE,
    DEALS_READ,
    DEALS_WRITE,
    Call,
    Endpoint,
    loose_body,
    ok,
    refuse,
)
from sandbox.pipedrive.model import Company
from sandbox.pipedrive.shapes import v1_time
from sandbox.pipedrive.v1 import matches, newer, page

PARENTS = {"deal_id": "deal", "person_id": "person", "org_id": "organization", "lead_id": "lead"}
PINS = ("pinned_to_lead_flag", "pinned_to_deal_flag", "pinned_to_person_flag", "pinned_to_organization_flag",
        "pinned_to_project_flag", "pinned_to_task_flag")  # fmt: skip
MAX_CONTENT = 100_000
FILTERS = ("user_id", "deal_id", "person_id", "org_id", "lead_id")


def list_notes(call: Call) -> Response:
    rows = [row for row in call.company.tables["note"].living() if matches(call, row, *FILTERS) and newer(call, row)]
    shown, pagination = page(call, rows)
    return ok([present(call, row) for row in shown], {"pagination": pagination})


def get_note(call: Call) -> Response:
    return ok(present(call, _find(call)))


def create_note(call: Call) -> Response:
    wish = loose_body(call)
    parents = _parents(call, wish)
    if not parents:
        refuse(400, "Bad request", info="A note needs a deal, person, organization, lead or project")
    now = v1_time(call.sandbox.clock.rfc3339())
    row: Record = dict.fromkeys(PARENTS) | parents
    row |= {"id": call.company.tables["note"].next_id(), "content": _content(wish), "active_flag": True}
    row |= {"is_deleted": False, "add_time": wish.get("add_time") or now, "update_time": now, "project_id": None}
    row |= {"task_id": None, "user_id": call.actor.user.id, "last_update_user_id": None}
    row |= {name: _flag(wish.get(name)) for name in PINS}
    call.company.tables["note"].put(row)
    events.announce(call, "create", "note", row, None)
    return ok(present(call, row))


def plant(company: Company, bodies: Iterable[Record], now: str) -> int:
    """Store notes without webhooks; returns how many."""
    table, before = company.tables["note"], len(company.tables["note"])
    for wish in bodies:
        row: Record = dict.fromkeys(PARENTS) | dict.fromkeys(PINS, False) | {"active_flag": True, "is_deleted": False}
        row |= {"id": table.next_id(), "add_time": v1_time(now), "update_time": v1_time(now), "project_id": None}
        row |= {"task_id": None, "user_id": company.admin().id, "last_update_user_id": None, **wish}
        table.put(row)
    return len(table) - before


def update_note(call: Call) -> Response:
    old, wish = _find(call), loose_body(call)
    if not old["active_flag"]:
        refuse(404, "Note not found")
    row = old | _parents(call, wish) | {"last_update_user_id": call.actor.user.id}
    row["update_time"] = v1_time(call.sandbox.clock.rfc3339())
    if "content" in wish:
        row["content"] = _content(wish)
    row |= {name: _flag(wish[name]) for name in PINS if name in wish}
    call.company.tables["note"].put(row)
    events.announce(call, "change", "note", row, old)
    return ok(present(call, row))


def delete_note(call: Call) -> Response:
    old = _find(call)
    call.company.tables["note"].put(old | {"active_flag": False, "is_deleted": True})
    events.announce(call, "delete", "note", None, old)
    return ok(True)


def _content(wish: Record) -> str:
    content = wish.get("content")
    if not isinstance(content, str) or not content.strip():
        refuse(400, "Bad request", info="content is required")
    if len(content) > MAX_CONTENT:
        refuse(413, "Payload too large")
    return content


def _flag(value: Any) -> bool:
    return value in (1, True, "1", "true")


def _parents(call: Call, wish: Record) -> Record:
    found: Record = {}
    for key, kind in PARENTS.items():
        if wish.get(key) is None:
            continue
        value = wish[key] if kind == "lead" else _integer(key, wish[key])
        row = call.company.tables[kind].get(value)
        if row is None or row["is_deleted"]:
            refuse(400, f"{kind.capitalize()} {value} not found")
        found[key] = value
    return found


def _integer(key: str, value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdigit():
        refuse(400, "Bad request", info=f"{key} must be a number")
    return int(value)


def _find(call: Call) -> Record:
    return call.company.tables["note"].get(call.number()) or refuse(404, "Note not found")


def present(call: Call, row: Record) -> Record:
    tables, user = call.company.tables, call.company.users[row["user_id"]]
    deal, person = tables["deal"].get(row["deal_id"]), tables["person"].get(row["person_id"])
    organization = tables["organization"].get(row["org_id"])
    shown = {key: value for key, value in row.items() if key != "is_deleted"}
    return shown | {
        "deal": {"title": deal["title"]} if deal else None,
        "person": {"name": person["name"]} if person else None,
        "organization": {"name": organization["name"]} if organization else None,
        "user": {"name": user.name, "email": user.email, "is_you": user.id == call.actor.user.id, "icon_url": None},
    }


READ, WRITE = (*DEALS_READ, *CONTACTS_READ), (*DEALS_WRITE, *CONTACTS_WRITE)
ENDPOINTS = [
    Endpoint("GET", "v1/notes", list_notes, 20, READ),
    Endpoint("GET", "v1/notes/{id}", get_note, 2, READ),
    Endpoint("POST", "v1/notes", create_note, 10, WRITE),
    Endpoint("PUT", "v1/notes/{id}", update_note, 10, WRITE),
    Endpoint("DELETE", "v1/notes/{id}", delete_note, 6, WRITE),
]
