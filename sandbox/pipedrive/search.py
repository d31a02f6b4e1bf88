"""Search: persons, organizations, deals, leads, across kinds and by one field. Index based: it may lag."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from starlette.responses import Response

from sandbox.http import Record
from sandbox.pipedrive.api import CONTACTS_READ, DEALS_READ, Call, Endpoint, invalid, ok
from sandbox.pipedrive.listing import read_limit
from sandbox.pipedrive.model import Company

FIELDS = {
    "person": ("custom_fields", "email", "notes", "phone", "name"),
    "organization": ("address", "custom_fields", "notes", "name"),
    "deal": ("custom_fields", "notes", "title"),
    "lead": ("custom_fields", "notes", "title"),
}
LINK = {"person": "person_id", "organization": "org_id", "deal": "deal_id", "lead": "lead_id"}
SEARCHABLE = ("address", "varchar", "text", "varchar_auto", "double", "monetary", "phone")
ITEM_FIELDS = ("address", "code", "custom_fields", "email", "name", "notes", "phone", "title", "description")
EXACT_SCORE, PARTIAL_SCORE = 1.22, 0.51
ITEM_SEARCH_LIMIT = 100


def search_kind(kind: str, call: Call) -> Response:
    term, exact = _term(call)
    fields = _fields(call, FIELDS[kind])
    rows = (row for row in _hits(call, kind, term, fields, exact) if _fits(call, kind, row))
    items, cursor = _page(call, [_item(call.company, kind, row, exact) for row in rows])
    return ok({"items": items}, {"next_cursor": cursor})


def item_search(call: Call) -> Response:
    term, exact = _term(call)
    kinds = [kind for kind in call.query.get("item_types", "").split(",") if kind] or list(FIELDS)
    fields = _fields(call, ITEM_FIELDS)
    found = [
        _item(call.company, kind, row, exact)
        for kind in kinds
        if kind in FIELDS
        for row in _hits(call, kind, term, tuple(name for name in FIELDS[kind] if name in fields), exact)
    ]
    items, cursor = _page(call, found, ITEM_SEARCH_LIMIT)
    return ok({"items": items, "related_items": []}, {"next_cursor": cursor})


def field_search(call: Call) -> Response:
    """Search the values of one field; unlike the others it heeds the case."""
    kind, field, term = call.query.get("entity_type", ""), call.query.get("field", ""), call.query.get("term", "")
    match = call.query.get("match", "exact")
    if kind not in FIELDS:
        invalid("entity_type", f"Invalid value. Expected {' | '.join(FIELDS)}")
    if not field or not term:
        invalid("field" if not field else "term", "Required")
    tests: dict[str, Callable[[str, str], bool]] = {
        "exact": str.__eq__,
        "beginning": lambda text, part: text.startswith(part),
        "middle": str.__contains__,
    }
    if match not in tests:
        invalid("match", f"Invalid value. Expected {' | '.join(tests)}")
    rows = _visible(call, kind, call.company.tables[kind].living())
    found = [
        {"result_score": EXACT_SCORE, "item": {"id": row["id"], field: value}}
        for row in rows
        for value in _values_of(row, field)
        if tests[match](value, term)
    ]
    items, cursor = _page(call, found)
    return ok(items, {"next_cursor": cursor})


def _term(call: Call) -> tuple[str, bool]:
    term, exact = call.query.get("term", "").strip(), call.query.get("exact_match") == "true"
    if len(term) < (1 if exact else 2):
        invalid("term", f"String must contain at least {1 if exact else 2} character(s)")
    return term.lower(), exact


def _fields(call: Call, known: tuple[str, ...]) -> tuple[str, ...]:
    asked = tuple(name for name in call.query.get("fields", "").split(",") if name) or known
    for name in asked:
        if name not in known:
            invalid("fields", f"Invalid value '{name}'")
    return asked


def _hits(call: Call, kind: str, term: str, fields: tuple[str, ...], exact: bool) -> Iterator[Record]:
    table = call.company.tables[kind]
    rows: Iterable[Record] = table.living()
    if exact and fields == ("email",):  # the one search integrations do all the time has its own index
        rows = [row for key in sorted(table.emails.get(term, ())) if not (row := table.rows[key])["is_deleted"]]
    for row in _visible(call, kind, rows):
        texts = (text.lower() for name in fields for text in _texts(call.company, kind, row, name))
        if any(text == term if exact else term in text for text in texts):
            yield row


def _visible(call: Call, kind: str, rows: Iterable[Record]) -> Iterator[Record]:
    waiting, now = call.company.search_visible_at, call.sandbox.clock.seconds()
    return (row for row in rows if waiting.get((kind, row["id"]), 0.0) <= now)


def _fits(call: Call, kind: str, row: Record) -> bool:
    wanted = {"organization_id": "org_id" if kind != "lead" else "organization_id", "person_id": "person_id"}
    for name, key in wanted.items():
        if name in call.query and str(row.get(key)) != call.query[name]:
            return False
    return "status" not in call.query or row.get("status") == call.query["status"]


def _texts(company: Company, kind: str, row: Record, name: str) -> list[str]:
    if name == "custom_fields":
        return _custom_texts(company, kind, row)
    if name == "notes":
        return [note["content"] for note in company.tables["note"].where(LINK[kind], row["id"])]
    return _values_of(row, name)


def _values_of(row: Record, name: str) -> list[str]:
    if name in ("email", "phone"):
        return [item["value"] for item in row.get(f"{name}s") or ()]
    value = row.get(name, row.get("custom_fields", {}).get(name))
    if isinstance(value, dict):
        value = value.get("value")
    return [] if value is None else [str(value)]


def _custom_texts(company: Company, kind: str, row: Record) -> list[str]:
    definitions = company.fields["deal" if kind == "lead" else kind]
    values = ((definitions[code], value) for code, value in row["custom_fields"].items() if code in definitions)
    found = (value["value"] if isinstance(value, dict) else value for item, value in values if item.type in SEARCHABLE)
    return [str(value) for value in found]


def _page(call: Call, items: list[Any], most: int = 500) -> tuple[list[Any], str | None]:
    limit, start = read_limit(call.query, most), 0
    if "cursor" in call.query:
        try:
            start = int(base64.urlsafe_b64decode(call.query["cursor"]))
        except ValueError:
            invalid("cursor", "Invalid cursor")
    more = start + limit < len(items)
    cursor = base64.urlsafe_b64encode(str(start + limit).encode()).decode() if more else None
    return items[start : start + limit], cursor


def _item(company: Company, kind: str, row: Record, exact: bool) -> Record:
    item: Record = {"id": row["id"], "type": kind}
    item |= {"visible_to": int(row["visible_to"]), "owner": {"id": row["owner_id"]}}
    item |= {"custom_fields": _custom_texts(company, kind, row), "notes": _texts(company, kind, row, "notes")}
    if kind == "person":
        emails, phones = _values_of(row, "email"), _values_of(row, "phone")
        item |= {"name": row["name"], "emails": emails, "phones": phones}
        item |= {"primary_email": emails[0] if emails else None}
    elif kind == "organization":
        item |= {"name": row["name"], "address": (row.get("address") or {}).get("value")}
    else:
        item |= _sale(company, kind, row)
    if kind != "organization":
        org_id = row["organization_id" if kind == "lead" else "org_id"]
        item["organization"] = _named(company, "organization", org_id)
    return {"result_score": EXACT_SCORE if exact else PARTIAL_SCORE, "item": item}


def _sale(company: Company, kind: str, row: Record) -> Record:
    base = {"title": row["title"], "is_archived": row["is_archived"]}
    base["person"] = _named(company, "person", row["person_id"])
    if kind == "lead":
        value = row["value"] or {"amount": None, "currency": None}
        return base | {"value": value["amount"], "currency": value["currency"], "phones": [], "emails": []}
    stage = company.tables["stage"].rows[row["stage_id"]]
    base |= {"stage": {"id": stage["id"], "name": stage["name"]}, "status": row["status"]}
    return base | {"value": row["value"], "currency": row["currency"]}


def _named(company: Company, kind: str, record_id: Any) -> Record | None:
    row = company.tables[kind].get(record_id)
    if row is None:
        return None
    extra = {"address": (row.get("address") or {}).get("value")} if kind == "organization" else {}
    return {"id": row["id"], "name": row["name"], **extra}


_SEARCH = ("search:read",)
ENDPOINTS = [
    Endpoint("GET", "v2/persons/search", partial(search_kind, "person"), 20, (*CONTACTS_READ, *_SEARCH), True),
    Endpoint("GET", "v2/organizations/search", partial(search_kind, "organization"), 20,
             (*CONTACTS_READ, *_SEARCH), True),
    Endpoint("GET", "v2/deals/search", partial(search_kind, "deal"), 20, (*DEALS_READ, *_SEARCH), True),
    Endpoint("GET", "v2/leads/search", partial(search_kind, "lead"), 20,
             ("leads:read", "leads:full", *_SEARCH), True),
    Endpoint("GET", "v1/leads/search", partial(search_kind, "lead"), 40,
             ("leads:read", "leads:full", *_SEARCH), True),
    Endpoint("GET", "v2/itemSearch", item_search, 20, _SEARCH, True),
    Endpoint("GET", "v2/itemSearch/field", field_search, 20, _SEARCH, True),
]  # fmt: skip
