"""Create, read, update, delete and list of the v2 records: one set of handlers for every kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.responses import Response

from sandbox.http import Record, reply
from sandbox.pipedrive import changes, counts
from sandbox.pipedrive.api import (
    CONTACTS_READ,
    CONTACTS_WRITE,
    DEALS_READ,
    DEALS_WRITE,
    Call,
    Endpoint,
    checked_body,
    invalid,
    ok,
    refuse,
)
from sandbox.pipedrive.fields import v2_values
from sandbox.pipedrive.kinds import (
    ACTIVITY,
    CONTACT_SYNC_KEYS,
    DEAL,
    ORGANIZATION,
    PERSON,
    PIPELINE,
    STAGE,
    Kind,
)
from sandbox.pipedrive.listing import MAX_CUSTOM_FIELDS, Keep, select

Present = Callable[[Record], Record]


def list_records(kind: Kind, call: Call) -> Response:
    present = presenter(call, kind)
    rows, cursor = select(call, kind, _deal_filter(call) if kind is DEAL else _living(call, kind))
    return ok([present(row) for row in rows], {"next_cursor": cursor})


def list_archived(kind: Kind, call: Call) -> Response:
    present = presenter(call, kind)
    rows, cursor = select(call, kind, lambda row: row["is_archived"] and not row["is_deleted"])
    return ok([present(row) for row in rows], {"next_cursor": cursor})


def get_record(kind: Kind, call: Call) -> Response:
    return ok(presenter(call, kind)(find(call, kind, deleted="pipedrive.deleted_get" not in call.sandbox.thrown)))


def create_record(kind: Kind, call: Call) -> Response:
    row = changes.create(call, kind, read_body(call, kind, kind.required))
    return ok(presenter(call, kind)(row))


def update_record(kind: Kind, call: Call) -> Response:
    row = changes.update(call, kind, find(call, kind), read_body(call, kind))
    return ok(presenter(call, kind)(row))


def delete_record(kind: Kind, call: Call) -> Response:
    row = find(call, kind, deleted="pipedrive.delete_again" in call.sandbox.thrown)
    if row["is_deleted"]:
        return reply({"success": True, "data": {"id": row["id"]}}, 410)
    changes.delete(call, kind, row)
    return ok({"id": row["id"]})


def read_body(call: Call, kind: Kind, required: tuple[str, ...] = ()) -> Record:
    if kind is PERSON:
        _refuse_contact_sync(call)
    return checked_body(call, kind.writes, required)


def _refuse_contact_sync(call: Call) -> None:
    body = call.body()
    if isinstance(body, dict) and any(key in body for key in CONTACT_SYNC_KEYS):
        refuse(403, "Contact Sync is not enabled for this company", code="ERR_FEATURE_NOT_ENABLED")


def find(call: Call, kind: Kind, *, deleted: bool = False) -> Record:
    """Return the record the path names; a deleted one only where asked for."""
    row = call.company.tables[kind.name].get(call.number())
    if row is None or (row["is_deleted"] and not deleted):
        refuse(404, f"{kind.name.capitalize()} not found", code="ERR_NOT_FOUND")
    return row


def presenter(call: Call, kind: Kind) -> Present:
    """Return the function that shows a row, after checking the query's wishes once."""
    query = call.query
    extra = _include(kind, query.get("include_fields", ""))
    only = _custom_only(query.get("custom_fields"))
    labels = query.get("include_option_labels") == "true"
    definitions = call.company.fields.get(kind.name, {})
    shows = kind.shows

    def present(row: Record) -> Record:
        shown: Record = {key: row.get(key) for key in shows}
        if kind.fields_path is not None:
            shown["custom_fields"] = v2_values(definitions, row, only, labels=labels)
        for name in extra:
            shown[name] = counts.value(call.company, kind.name, row, name)
        if query.get("include_labels") == "true" and "label_ids" in row:
            shown["labels"] = _labels(call, kind, row)
        return shown

    return present


def _labels(call: Call, kind: Kind, row: Record) -> list[Record]:
    definition = call.company.fields[kind.name]["label_ids"]
    return [{"id": item, "label": definition.label_of(item)} for item in row["label_ids"] or ()]


def _include(kind: Kind, raw: str) -> list[str]:
    names = [name.strip() for name in raw.split(",") if name.strip()]
    for name in names:
        if name not in kind.optional_fields:
            invalid("include_fields", f"Invalid value '{name}'")
    return names


def _custom_only(raw: str | None) -> list[str] | None:
    if not raw:
        return None
    codes = [code.strip() for code in raw.split(",")]
    if len(codes) > MAX_CUSTOM_FIELDS:
        invalid("custom_fields", f"Array must contain at most {MAX_CUSTOM_FIELDS} element(s)")
    return codes


def _living(call: Call, kind: Kind) -> Keep:
    raw = call.query.get("deal_id") if kind is PERSON else None
    if raw is None:
        return lambda row: not row["is_deleted"]
    deal = call.company.tables["deal"].get(int(raw)) if raw.isdigit() else None
    person_id = deal["person_id"] if deal else None
    return lambda row: not row["is_deleted"] and row["id"] == person_id


def _deal_filter(call: Call) -> Keep:
    raw = call.query.get("status")
    if raw is None:
        return lambda row: not row["is_deleted"] and not row["is_archived"]
    wanted = {part.strip() for part in raw.split(",")}
    if not wanted <= {"open", "won", "lost", "deleted"}:
        invalid("status", "Invalid value. Expected open | won | lost | deleted")
    return lambda row: row["status"] in wanted and not row["is_archived"]


def _crud(kind: Kind, read: tuple[str, ...], write: tuple[str, ...], list_cost: int = 10) -> list[Endpoint]:
    path = f"v2/{kind.plural}"
    return [
        Endpoint("GET", path, partial(list_records, kind), list_cost, read),
        Endpoint("GET", f"{path}/{{id}}", partial(get_record, kind), 1, read),
        Endpoint("POST", path, partial(create_record, kind), 5, write),
        Endpoint("PATCH", f"{path}/{{id}}", partial(update_record, kind), 5, write),
        Endpoint("DELETE", f"{path}/{{id}}", partial(delete_record, kind), 3, write),
    ]


ACTIVITIES_READ = ("activities:read", "activities:full")
ENDPOINTS = [
    *_crud(PERSON, CONTACTS_READ, CONTACTS_WRITE),
    *_crud(ORGANIZATION, CONTACTS_READ, CONTACTS_WRITE),
    *_crud(DEAL, DEALS_READ, DEALS_WRITE),
    Endpoint("GET", "v2/deals/archived", partial(list_archived, DEAL), 20, DEALS_READ),
    *_crud(ACTIVITY, ACTIVITIES_READ, ("activities:full",)),
    *_crud(PIPELINE, (*DEALS_READ, "admin"), ("admin",), 5),
    *_crud(STAGE, (*DEALS_READ, "admin"), ("admin",), 5),
]
