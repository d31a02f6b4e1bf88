"""Merging two records: the one named in `merge_with_id` survives, gaps are filled from the other."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.responses import Response

from sandbox.http import Record
from sandbox.pipedrive import changes, events
from sandbox.pipedrive.api import CONTACTS_WRITE, DEALS_WRITE, Call, Endpoint, loose_body, ok, refuse
from sandbox.pipedrive.kinds import DEAL, ORGANIZATION, PERSON, Kind
from sandbox.pipedrive.shapes import v1_object

POINTERS = {"person": "person_id", "organization": "org_id", "deal": "deal_id"}
EMPTY: tuple[Any, ...] = (None, "", [], {})


def merge_records(kind: Kind, call: Call) -> Response:
    wish = loose_body(call)
    survivor_id = wish.get("merge_with_id")
    if not isinstance(survivor_id, int) or isinstance(survivor_id, bool):
        refuse(400, "Bad request", info="merge_with_id must be a number")
    loser, survivor = _living(call, kind, call.number()), _living(call, kind, survivor_id)
    if loser["id"] == survivor["id"]:
        refuse(400, "Bad request", info="A record cannot be merged with itself")
    merged = merge(call, kind, loser, survivor)
    if kind is ORGANIZATION:
        return ok({"id": merged["id"]})
    return ok(v1_object(call.company, kind.name, merged, nested=False) | {"merge_what_id": loser["id"]})


def merge(call: Call, kind: Kind, loser: Record, survivor: Record) -> Record:
    """Fold `loser` into `survivor`: two events, everything that pointed at the loser points on."""
    gaps = {key: value for key, value in loser.items() if survivor.get(key) in EMPTY and value not in EMPTY}
    merged = {**survivor, **gaps, "update_time": call.sandbox.clock.rfc3339()}
    merged["custom_fields"] = loser["custom_fields"] | survivor["custom_fields"]
    for key in ("emails", "phones"):
        if key in survivor:
            merged[key] = _united(survivor[key], loser[key])
    _repoint(call, kind, loser["id"], survivor["id"])

    def take_over() -> None:
        call.company.tables[kind.name].put(merged)
        events.announce(call, "change", kind.name, merged, survivor, merged_from_id=str(loser["id"]))

    survivor_first = "pipedrive.merge_order" in call.sandbox.thrown
    if survivor_first:
        take_over()
    changes.delete(call, kind, loser, merged_to_id=str(survivor["id"]))
    if not survivor_first:
        take_over()
    return merged


def _united(kept: list[Record], added: list[Record]) -> list[Record]:
    known = {item["value"].lower() for item in kept}
    extra = [item | {"primary": not kept and at == 0} for at, item in enumerate(added)]
    return kept + [item for item in extra if item["value"].lower() not in known]


def _repoint(call: Call, kind: Kind, old: int, new: int) -> None:
    pointer = POINTERS[kind.name]
    for table in call.company.tables.values():
        if pointer in table.linked:
            for row in table.where(pointer, old):
                table.put({**row, pointer: new})
    if kind.name == "organization":
        for row in call.company.tables["lead"].where("organization_id", old):
            call.company.tables["lead"].put({**row, "organization_id": new})


def _living(call: Call, kind: Kind, record_id: int) -> Record:
    row = call.company.tables[kind.name].get(record_id)
    if row is None or row["is_deleted"]:
        refuse(404, f"{kind.name.capitalize()} not found")
    return row


ENDPOINTS = [
    Endpoint("PUT", "v1/persons/{id}/merge", partial(merge_records, PERSON), 40, CONTACTS_WRITE),
    Endpoint("PUT", "v1/organizations/{id}/merge", partial(merge_records, ORGANIZATION), 40, CONTACTS_WRITE),
    Endpoint("PUT", "v1/deals/{id}/merge", partial(merge_records, DEAL), 40, DEALS_WRITE),
]
