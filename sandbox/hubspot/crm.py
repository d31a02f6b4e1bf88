"""Companies and deals: list, single records, batches, search. They share their rules and are told of to nobody.

Vendor docs (read 2026-11-30): developers.hubspot.com/docs/api-reference/latest/crm/objects/companies/guide and
…/deals/guide. Webhooks about them are not played: no app of ours subscribes to any.
"""

from __future__ import annotations

from itertools import islice

from starlette.responses import Response

from sandbox.http import Record, reply
from sandbox.hubspot import filters, values
from sandbox.hubspot.api import Call, Endpoint, batch, invalid, iso, not_found, problem, refuse
from sandbox.hubspot.batches import refuse_doubles
from sandbox.hubspot.crm_schema import KINDS, Kind
from sandbox.hubspot.model import CrmRecord, Values
from sandbox.hubspot.search import search_window

PATH = "objects/{kind}"
READ, WRITE = "crm.objects.{kind}.read", "crm.objects.{kind}.write"
DEFAULT_PAGE, LARGEST_PAGE = 10, 100


def kind_of(call: Call) -> Kind:
    return KINDS.get(call.params["kind"]) or refuse(400, f"Unable to infer object type from: {call.params['kind']}")


def rows_of(call: Call) -> dict[int, CrmRecord]:
    return call.portal.crm[kind_of(call).path]


def shown(call: Call, row: CrmRecord, names: list[str]) -> Record:
    known = call.portal.definitions[kind_of(call).path]
    facts = everything(row)
    wanted = dict.fromkeys((*kind_of(call).default_read, *names))
    return {
        "id": str(row.id), "properties": {name: facts.get(name) for name in wanted if name in known},
        "createdAt": iso(row.created), "updatedAt": iso(row.updated), "archived": row.archived,
    }  # fmt: skip


def everything(row: CrmRecord) -> Values:
    times = {"createdate": iso(row.created), "hs_lastmodifieddate": iso(row.updated)}
    return {**row.values, **times, "hs_object_id": str(row.id)}


def asked(call: Call) -> list[str]:
    return [name for part in call.incoming.query.getlist("properties") for name in part.split(",") if name]


def list_records(call: Call) -> Response:
    query = call.incoming.query
    limit, after = _number(query.get("limit", str(DEFAULT_PAGE))), _number(query.get("after") or "0")
    if not 0 < limit <= LARGEST_PAGE:
        refuse(400, f"limit must be between 1 and {LARGEST_PAGE}")
    archived = query.get("archived") == "true"
    fitting = (row for row in rows_of(call).values() if row.id >= after and row.archived is archived)
    rows = list(islice(fitting, limit + 1))
    body: Record = {"results": [shown(call, row, asked(call)) for row in rows[:limit]]}
    if len(rows) > limit:
        body["paging"] = {"next": {"after": str(rows[limit].id)}}
    return reply(body)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else refuse(400, f"{text} is not a number")


def find(call: Call, *, archived: bool = False) -> CrmRecord:
    raw = call.params["id"]
    row = rows_of(call).get(int(raw)) if raw.isdigit() else None
    return row if row is not None and row.archived is archived else not_found()


def read_record(call: Call) -> Response:
    archived = call.incoming.query.get("archived") == "true"
    return reply(shown(call, find(call, archived=archived), asked(call)))


def accepted(call: Call, wish: object) -> Values:
    found, errors = values.checked(call.portal, wish, call.portal.definitions[kind_of(call).path])
    if errors:
        invalid(errors)
    return found


def create_record(call: Call) -> Response:
    wish = accepted(call, call.body().get("properties"))
    row = make(call, wish)
    return reply(shown(call, row, list(wish)), 201)


def make(call: Call, wish: Values) -> CrmRecord:
    kind = kind_of(call)
    kind.check(call, wish)
    now = call.now()
    row = CrmRecord(call.portal.next_id(), {**kind.start, **wish}, now, now)
    rows_of(call)[row.id] = row
    return row


def update_record(call: Call) -> Response:
    row = find(call)
    wish = accepted(call, call.body().get("properties"))
    store(call, row, wish)
    return reply(shown(call, row, list(wish)))


def store(call: Call, row: CrmRecord, wish: Values) -> None:
    if any(row.values.get(name) != value for name, value in wish.items()):
        row.values = {**row.values, **wish}
        row.updated = call.now()


def archive_record(call: Call) -> Response:
    raw = call.params["id"]
    row = rows_of(call).get(int(raw)) if raw.isdigit() else None
    if row is not None:
        row.archived = True
    return Response(status_code=204)


def batch_read(call: Call) -> Response:
    wish = call.body()
    if wish.get("idProperty") not in (None, "", "hs_object_id"):
        refuse(400, f"{wish['idProperty']} is not a unique property")
    names = [str(name) for name in wish.get("properties") or ()]
    archived = call.incoming.query.get("archived") == "true"
    keys = [str(item.get("id", "")) for item in call.inputs()]
    found = {key: rows_of(call).get(int(key)) if key.isdigit() else None for key in keys}
    there = [row for row in found.values() if row is not None and row.archived is archived]
    missing = [key for key, row in found.items() if row is None or row.archived is not archived]
    errors = [problem("Could not get some objects", "OBJECT_NOT_FOUND", context={"ids": missing})]
    return batch(call, [shown(call, row, names) for row in there], errors if missing else [])


def batch_update(call: Call) -> Response:
    """One wrong value refuses the whole call; unknown ids fail alone."""
    inputs = call.inputs()
    refuse_doubles(inputs)
    wishes = [accepted(call, item.get("properties")) for item in inputs]
    rows: list[Record] = []
    errors: list[Record] = []
    for item, wish in zip(inputs, wishes, strict=True):
        key = str(item.get("id", ""))
        row = rows_of(call).get(int(key)) if key.isdigit() else None
        if row is None or row.archived:
            errors.append(problem(f"Object not found: {key}", "OBJECT_NOT_FOUND", context={"ids": [key]}))
            continue
        store(call, row, wish)
        rows.append(shown(call, row, list(wish)))
    return batch(call, rows, errors)


def search(call: Call) -> Response:
    """Over an index of its own, like contacts; here it is at once."""
    wish = call.body()
    limit, after = search_window(wish)
    known = call.portal.definitions[kind_of(call).path]
    groups = filters.groups(call, wish, known)
    living = [row for row in rows_of(call).values() if not row.archived]
    fitting = [row for row in living if filters.fits(everything(row), groups)]
    filters.sort(fitting, everything, wish.get("sorts") or [])
    names = [str(name) for name in wish.get("properties") or ()]
    body: Record = {
        "total": len(fitting),
        "results": [shown(call, row, names) for row in fitting[after : after + limit]],
    }
    if after + limit < len(fitting):
        body["paging"] = {"next": {"after": str(after + limit)}}
    return reply(body)


def list_pipelines(call: Call) -> Response:
    if call.params["kind"] != "deals":
        not_found()
    return reply({"results": call.portal.pipelines})


ENDPOINTS = [
    Endpoint("GET", PATH, list_records, READ),
    Endpoint("POST", PATH, create_record, WRITE),
    Endpoint("GET", PATH + "/{id}", read_record, READ),
    Endpoint("PATCH", PATH + "/{id}", update_record, WRITE),
    Endpoint("DELETE", PATH + "/{id}", archive_record, WRITE),
    Endpoint("POST", PATH + "/batch/read", batch_read, READ),
    Endpoint("POST", PATH + "/batch/update", batch_update, WRITE),
    Endpoint("POST", PATH + "/search", search, READ, search=True),
    Endpoint("GET", "pipelines/{kind}", list_pipelines, READ),
]
