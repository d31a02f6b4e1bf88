"""Which contacts, companies and deals belong together, without labels. Both sides know of it.

Vendor docs (read 2026-11-30):
developers.hubspot.com/docs/api-reference/latest/crm/associations/associate-records/guide
"""

from __future__ import annotations

from starlette.responses import Response

from sandbox.http import Record
from sandbox.hubspot.api import Call, Endpoint, batch, problem, refuse
from sandbox.hubspot.crm_schema import KINDS

PATH = "associations/{kind}/{other}"
READ, WRITE = "crm.objects.{kind}.read", "crm.objects.{kind}.write"
MOST_READ, MOST_WRITTEN, PAGE = 1000, 2000, 500
TYPE_IDS = {
    ("contacts", "companies"): 279, ("companies", "contacts"): 280, ("deals", "contacts"): 3,
    ("contacts", "deals"): 4, ("deals", "companies"): 341, ("companies", "deals"): 342,
}  # fmt: skip
Pair = tuple[str, int]


def _kinds(call: Call) -> tuple[str, str]:
    kind, other = call.params["kind"], call.params["other"]
    if (kind, other) not in TYPE_IDS:
        refuse(400, f"No association type between {kind} and {other}")
    return kind, other


def _inputs(call: Call, most: int) -> list[Record]:
    found = call.body().get("inputs")
    if not isinstance(found, list) or len(found) > most:
        refuse(400, f"inputs must be a list of at most {most}")
    return found


def _living(call: Call, kind: str, raw: object) -> int | None:
    text = str((raw or {}).get("id", "")) if isinstance(raw, dict) else ""
    number = int(text) if text.isdigit() else 0
    if kind == "contacts":
        contact = call.portal.contacts.get(call.portal.survivor(number))
        return contact.id if contact is not None and not contact.archived else None
    row = call.portal.crm[kind].get(number) if kind in KINDS else None
    return row.id if row is not None and not row.archived else None


def read(call: Call) -> Response:
    """Those with none are errors of the answer, unless the switch says an empty list."""
    kind, other = _kinds(call)
    rows: list[Record] = []
    errors: list[Record] = []
    for item in _inputs(call, MOST_READ):
        key = str(item.get("id", ""))
        found = sorted(number for one, two, number in _pairs(call, kind, key) if one == other and two)
        start = int(item.get("after") or 0)
        page = found[start : start + PAGE]
        if not page and "hubspot.no_associations" not in call.sandbox.thrown:
            more = {"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND", "context": {"fromObjectId": [key]}}
            errors.append(problem(f"No {other} is associated with {key}.", "OBJECT_NOT_FOUND", **more))
            continue
        types = [{"category": "HUBSPOT_DEFINED", "typeId": TYPE_IDS[kind, other], "label": None}]
        row: Record = {
            "from": {"id": key}, "to": [{"toObjectId": number, "associationTypes": types} for number in page],
        }  # fmt: skip
        if start + PAGE < len(found):
            row["paging"] = {"next": {"after": str(start + PAGE)}}
        rows.append(row)
    return batch(call, rows, errors)


def _pairs(call: Call, kind: str, key: str) -> list[tuple[str, bool, int]]:
    """Kind, whether it lives, and id of what is associated with this record."""
    number = int(key) if key.isdigit() else 0
    mine = [pair for pair in call.portal.associations if (kind, number) in pair]
    others = [next(side for side in pair if side != (kind, number)) for pair in mine]
    return [(side[0], _living(call, side[0], {"id": side[1]}) is not None, side[1]) for side in others]


def associate(call: Call) -> Response:
    """A pair of which one side is missing refuses the whole call, unless the switch says it fails alone."""
    kind, other = _kinds(call)
    rows: list[Record] = []
    errors: list[Record] = []
    found: list[tuple[int, int]] = []
    for item in _inputs(call, MOST_WRITTEN):
        one, two = _living(call, kind, item.get("from")), _living(call, other, item.get("to"))
        if one is None or two is None:
            missing = problem("One or more of the objects to associate was not found", "OBJECT_NOT_FOUND")
            if "hubspot.association_missing" not in call.sandbox.thrown:
                refuse(400, missing["message"], missing["category"])
            errors.append(missing)
            continue
        found.append((one, two))
        spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TYPE_IDS[kind, other]}
        rows.append({"from": {"id": str(one)}, "to": {"id": str(two)}, "associationSpec": spec})
    for one, two in found:
        call.portal.associations.add(frozenset({(kind, one), (other, two)}))
    return batch(call, rows, errors)


def dissociate(call: Call) -> Response:
    kind, other = _kinds(call)
    for item in _inputs(call, MOST_WRITTEN):
        for to in item.get("to") or ():
            one, two = int(str(item["from"]["id"])), int(str(to["id"]))
            call.portal.associations.discard(frozenset({(kind, one), (other, two)}))
    return Response(status_code=204)


ENDPOINTS = [
    Endpoint("POST", PATH + "/batch/read", read, READ),
    Endpoint("POST", PATH + "/batch/associate/default", associate, WRITE),
    Endpoint("POST", PATH + "/batch/archive", dissociate, WRITE),
]
