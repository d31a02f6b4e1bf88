"""Leads (v1) with top-level custom fields in v1 form, labels, sources, and conversion to a deal (v2)."""

from __future__ import annotations

from typing import Any, NoReturn
from uuid import uuid4

from starlette.responses import Response

from sandbox.http import Record
from sandbox.pipedrive import changes, events
from sandbox.pipedrive.api import Call, Endpoint, checked_body, loose_body, ok, refuse
from sandbox.pipedrive.fields import Field, check_custom, v1_values
from sandbox.pipedrive.kinds import DEAL
from sandbox.pipedrive.schema import (
    Check,
    Invalid,
    array,
    boolean,
    integer,
    iso_date,
    number,
    one_of,
    optional,
    shape,
    text,
)
from sandbox.pipedrive.schema import body as check_body
from sandbox.pipedrive.v1 import matches, newer, page

WRITES: dict[str, Check] = {
    "title": text(255, filled=True), "owner_id": integer, "label_ids": array(text(36)),
    "person_id": optional(integer), "organization_id": optional(integer), "is_archived": boolean,
    "value": optional(shape({"amount": number, "currency": text(8, filled=True)}, ("amount", "currency"))),
    "expected_close_date": optional(iso_date), "visible_to": one_of("1", "3", "5", "7"), "was_seen": boolean,
    "origin_id": optional(text(255)), "channel": optional(number), "channel_id": optional(text(255)),
}  # fmt: skip
SOURCES = ("Manually created", "Deal", "Web forms", "Prospector", "Live chat", "Import", "Website visitors",
           "Workflow automation", "Web visitors", "LeadBooster", "API", "Marketplace")  # fmt: skip
NOT_FOUND = "Lead not found"


def list_leads(call: Call) -> Response:
    return _list(call, archived=False)


def list_archived(call: Call) -> Response:
    return _list(call, archived=True)


def _list(call: Call, *, archived: bool) -> Response:
    table, filters = call.company.tables["lead"], ("owner_id", "person_id", "organization_id")
    rows = [row for row in table.living() if row["is_archived"] == archived and matches(call, row, *filters)]
    shown, pagination = page(call, [row for row in rows if newer(call, row)])
    return ok([present(call, row) for row in shown], pagination | {"pagination": pagination})


def get_lead(call: Call) -> Response:
    return ok(present(call, _find(call)))


def create_lead(call: Call) -> Response:
    values = _checked(call, "create", ("title",))
    if not values.get("person_id") and not values.get("organization_id"):
        _bad("create", "A lead needs a person_id or an organization_id")
    now, lead_id = call.sandbox.clock.rfc3339_ms(), str(uuid4())
    row: Record = {
        "id": lead_id, "title": "", "owner_id": call.actor.user.id, "creator_id": call.actor.user.id, "label_ids": [],
        "person_id": None, "organization_id": None, "source_name": "API", "origin": "API", "origin_id": None,
        "channel": None, "channel_id": None, "source_deal_id": None, "is_archived": False, "was_seen": False,
        "value": None, "expected_close_date": None, "next_activity_id": None, "add_time": now, "update_time": now,
        "visible_to": "3", "cc_email": f"{call.company.domain}+lead{lead_id}@pipedrivemail.example",
        "is_deleted": False,
    }  # fmt: skip
    row |= changes.app_origin(call) | values
    call.company.tables["lead"].put(row)
    changes.note_search_delay(call, "lead", lead_id)
    events.announce(call, "create", "lead", row, None)
    return ok(present(call, row), status=201)


def update_lead(call: Call) -> Response:
    old = _find(call)
    if old["is_archived"]:
        _bad("update", "Archived leads are read-only")
    values = _checked(call, "update")
    values["custom_fields"] = {
        key: value for key, value in (old["custom_fields"] | values["custom_fields"]).items() if value is not None
    }
    row = {**old, **values, "update_time": call.sandbox.clock.rfc3339_ms()}
    call.company.tables["lead"].put(row)
    events.announce(call, "change", "lead", row, old)
    return ok(present(call, row))


def delete_lead(call: Call) -> Response:
    old = _find(call)
    _drop(call, old)
    return ok({"id": old["id"]})


def _drop(call: Call, old: Record) -> None:
    call.company.tables["lead"].put({**old, "is_deleted": True})
    events.announce(call, "delete", "lead", None, old)


def present(call: Call, row: Record) -> Record:
    shown = {key: value for key, value in row.items() if key not in ("is_deleted", "custom_fields")}
    return shown | v1_values(call.company.fields["deal"], row)


def _find(call: Call) -> Record:
    row = call.company.tables["lead"].get(call.params["id"])
    return row if row is not None and not row["is_deleted"] else refuse(404, NOT_FOUND, info=NOT_FOUND)


def _bad(verb: str, why: str) -> NoReturn:
    refuse(400, f"Couldn't {verb} lead, body is invalid.", info=why)


def _checked(call: Call, verb: str, required: tuple[str, ...] = ()) -> Record:
    """Split the body into lead keys and deal-field hashes; check both."""
    wish, definitions = loose_body(call), call.company.fields["deal"]
    custom = {key for key in wish if key.split("_")[0] in definitions and definitions[key.split("_")[0]].custom}
    try:
        values = check_body({key: value for key, value in wish.items() if key not in custom}, WRITES, required)
        flat = {key: _from_v1(definitions[key], wish) for key in custom if key in definitions}
        values["custom_fields"] = check_custom(definitions, flat)
    except Invalid as error:
        _bad(verb, f'"{error.name}" must be a number' if error.problem == "Expected number" else str(error))
    _check_links(call, verb, values)
    return values


def _check_links(call: Call, verb: str, values: Record) -> None:
    for key, kind in (("person_id", "person"), ("organization_id", "organization")):
        if values.get(key) is not None:
            row = call.company.tables[kind].get(values[key])
            if row is None or row["is_deleted"]:
                _bad(verb, f"{kind} {values[key]} not found")
    if values.get("owner_id") is not None and values["owner_id"] not in call.company.users:
        _bad(verb, f"user {values['owner_id']} not found")
    for label_id in values.get("label_ids") or ():
        if label_id not in call.company.lead_labels:
            _bad(verb, f"label {label_id} not found")


def _from_v1(definition: Field, wish: Record) -> Any:
    """Turn a v1 value (ids as text, companions as extra keys) into the stored form."""
    code, value = definition.code, wish[definition.code]
    if value is None or value == "":
        return None
    if definition.type == "enum" and str(value).isdigit():
        return int(value)
    if definition.type == "set" and isinstance(value, str):
        return [int(item) for item in value.split(",") if item.isdigit()] or None
    if definition.type == "monetary" and not isinstance(value, dict):
        return {"value": value, "currency": wish.get(f"{code}_currency") or "EUR"}
    if definition.type in ("daterange", "timerange"):
        return {"value": value, "until": wish.get(f"{code}_until")}
    return {"value": value} if definition.type in ("time", "address") and isinstance(value, str) else value


def list_labels(call: Call) -> Response:
    return ok(list(call.company.lead_labels.values()))


def list_sources(call: Call) -> Response:
    return ok([{"name": name} for name in SOURCES])


def convert_to_deal(call: Call) -> Response:
    lead = call.company.tables["lead"].get(call.params["id"])
    if lead is None or lead["is_deleted"]:
        _entity_missing()
    wish = checked_body(call, {"stage_id": integer, "pipeline_id": integer}) if call.incoming.body else {}
    value = lead["value"] or {"amount": 0, "currency": "EUR"}
    deal = changes.create(
        call, DEAL,
        wish | {"title": lead["title"], "value": value["amount"], "currency": value["currency"],
                "person_id": lead["person_id"], "org_id": lead["organization_id"], "owner_id": lead["owner_id"],
                "custom_fields": dict(lead["custom_fields"])},
    )  # fmt: skip
    call.company.tables["deal"].put({**deal, "source_lead_id": lead["id"]})
    _drop(call, lead)
    conversion = {"conversion_id": str(uuid4()), "lead_id": lead["id"], "deal_id": deal["id"], "polls": 0}
    call.company.conversions[conversion["conversion_id"]] = conversion
    return ok({"conversion_id": conversion["conversion_id"]})


def conversion_status(call: Call) -> Response:
    """The first look finds the conversion running, the next one completed."""
    conversion = call.company.conversions.get(call.params["conversion_id"])
    if conversion is None or conversion["lead_id"] != call.params["id"]:
        _entity_missing()
    conversion["polls"] += 1
    shown = {"conversion_id": conversion["conversion_id"], "status": "running"}
    if conversion["polls"] > 1:
        shown |= {"status": "completed", "deal_id": conversion["deal_id"]}
    return ok(shown)


def _entity_missing() -> NoReturn:
    refuse(404, "Entity was not found", info="Object was not found.")


READ, WRITE = ("leads:read", "leads:full"), ("leads:full",)
ENDPOINTS = [
    Endpoint("GET", "v1/leads", list_leads, 20, READ),
    Endpoint("POST", "v1/leads", create_lead, 10, WRITE),
    Endpoint("GET", "v1/leads/archived", list_archived, 40, READ),
    Endpoint("GET", "v1/leads/{id}", get_lead, 2, READ),
    Endpoint("PATCH", "v1/leads/{id}", update_lead, 10, WRITE),
    Endpoint("DELETE", "v1/leads/{id}", delete_lead, 6, WRITE),
    Endpoint("GET", "v1/leadLabels", list_labels, 10, READ),
    Endpoint("GET", "v1/leadSources", list_sources, 2, READ),
    Endpoint("POST", "v2/leads/{id}/convert/deal", convert_to_deal, 40, WRITE),
    Endpoint("GET", "v2/leads/{id}/convert/status/{conversion_id}", conversion_status, 1, READ),
]
