"""Companies of the Sales CRM and their links. There is no external id, and a PATCH of links replaces them all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime
from email import message_from_bytes
from typing import Any

from starlette.responses import Response

from sandbox.brevo import processes
from sandbox.brevo.api import SMALL, Call, Endpoint, empty, error, moment, number
from sandbox.brevo.model import Company
from sandbox.http import Record, reply

BUILT_IN = {"name": "text", "domain": "text", "phone_number": "text", "revenue": "number", "owner": "user"}
TYPES = ("text", "user", "number", "single-select", "date", "boolean", "multi-choice")
FIELDS = ("name", "attributes", "countryCode", "linkedContactsIds", "linkedDealsIds")


def create(call: Call) -> Response:
    wish = _checked(call)
    if not wish.get("name"):
        error(400, "missing_parameter", "name is missing")
    return reply({"id": _add(call, wish).id})


def _add(call: Call, wish: Record) -> Company:
    made = Company(f"{call.sandbox.brevo.rng.getrandbits(96):024x}", {"created_at": call.now()})
    call.account.companies[made.id] = made
    _apply(call, made, wish)
    return made


def _apply(call: Call, company: Company, wish: Record) -> None:
    company.attributes |= given(call, wish, BUILT_IN, call.account.company_attributes)
    company.attributes |= {"name": wish["name"]} if wish.get("name") else {}
    company.attributes["last_updated_at"] = call.now()
    company.contacts = list(wish.get("linkedContactsIds", company.contacts))
    company.deals = list(wish.get("linkedDealsIds", company.deals))


def given(call: Call, wish: Record, built_in: Mapping[str, str], own: Mapping[str, Record]) -> Record:
    """The attributes of a body as they are stored: unknown ones are dropped, an empty text clears."""
    found: Record = {}
    for name, value in (wish.get("attributes") or {}).items():
        if name not in built_in and name not in own:
            continue
        if "brevo.crm_null" in call.sandbox.thrown:
            found[name] = value
        elif value is not None:
            found[name] = None if value == "" else value
    return found


def _checked(call: Call) -> Record:
    wish = call.body()
    for name in wish.keys() - set(FIELDS):
        error(400, "invalid_parameter", f"{name} is not valid")
    if unknown := [item for item in wish.get("linkedContactsIds") or [] if item not in call.account.contacts]:
        error(400, "invalid_parameter", f"Contact {unknown[0]} does not exist")
    return wish


def list_companies(call: Call) -> Response:
    rows = list(call.account.companies.values())
    if name := call.query.get("filters[attributes.name]"):
        rows = [row for row in rows if row.attributes.get("name") == name]
    if since := moment(call, "modifiedSince"):
        rows = [row for row in rows if datetime.fromisoformat(row.attributes["last_updated_at"]) >= since]
    limit, page = number(call, "limit", 50, 1000), number(call, "page", 1)
    return reply({"items": [_shown(row) for row in rows[(page - 1) * limit : page * limit]]})


def get(call: Call) -> Response:
    return reply(_shown(_company(call)))


def change(call: Call) -> Response:
    company = _company(call)
    _apply(call, company, _checked(call))
    return reply(_shown(company))


def delete(call: Call) -> Response:
    del call.account.companies[_company(call).id]
    return empty()


def link(call: Call) -> Response:
    company, wish = _company(call), call.body()
    for verb, field, rows in (("ContactIds", "contacts", company.contacts), ("DealsIds", "deals", company.deals)):
        add, gone = wish.get(f"link{verb}") or [], wish.get(f"unlink{verb}") or []
        if field == "contacts" and any(item not in call.account.contacts for item in add):
            error(400, "invalid_parameter", "Contact does not exist")
        setattr(company, field, [item for item in dict.fromkeys([*rows, *add]) if item not in gone])
    return empty()


def import_file(call: Call) -> Response:
    """A CSV and a mapping as multipart; with `use_company_identifier` the name is the key."""
    parts = _parts(call)
    if "file" not in parts:
        error(400, "missing_parameter", "file is missing")
    try:
        mapping = json.loads(parts.get("mapping") or "{}")
    except ValueError:
        error(400, "invalid_parameter", "mapping is not valid")
    rows = list(csv.DictReader(io.StringIO(parts["file"])))
    number = processes.start(call, "COMPANIES_IMPORT", lambda: _import(call, rows, mapping))
    return reply({"processId": number})


def _import(call: Call, rows: list[dict[str, Any]], mapping: Record) -> Record:
    by_name = {row.attributes.get("name"): row for row in call.account.companies.values()}
    for row in rows:
        found = by_name.get(row.get("name")) if mapping.get("use_company_identifier") else None
        wish = {"name": row.pop("name", None), "attributes": row}
        if found is None:
            by_name[wish["name"]] = _add(call, wish)
        elif mapping.get("update_existing_records"):
            _apply(call, found, wish)
    return {"import": {}}


def _parts(call: Call) -> dict[str, str]:
    head = f"content-type: {call.incoming.headers.get('content-type', '')}\r\n\r\n".encode()
    message = message_from_bytes(head + call.incoming.body)
    found = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        if name:
            found[str(name)] = bytes(part.get_payload(decode=True) or b"").decode()
    return found


def _company(call: Call) -> Company:
    return call.account.companies.get(call.params["id"]) or error(404, "document_not_found", "Company not found")


def _shown(row: Company) -> Record:
    return {"id": row.id, "attributes": row.attributes | {"number_of_contacts": len(row.contacts)},
            "linkedContactsIds": row.contacts, "linkedDealsIds": row.deals}  # fmt: skip


def list_attributes(call: Call) -> Response:
    built_in = [{"internalName": name, "label": name.replace("_", " ").capitalize(), "attributeTypeName": kind,
                 "attributeOptions": [], "isRequired": name == "name"} for name, kind in BUILT_IN.items()]  # fmt: skip
    return reply([*built_in, *call.account.company_attributes.values()])


def create_attribute(call: Call) -> Response:
    wish = call.body()
    label, kind = str(wish.get("label") or ""), wish.get("attributeType")
    if not label or len(label) > 50 or kind not in TYPES or wish.get("objectType") not in ("companies", "deals"):
        error(400, "invalid_parameter", "label, attributeType or objectType is not valid")
    name = label.lower().replace(" ", "_")
    deals = wish["objectType"] == "deals"
    own, built_in = (call.account.deal_attributes if deals else call.account.company_attributes), BUILT_IN
    if name in own or (name in built_in and not deals):
        error(400, "duplicate_parameter", "label must be unique")
    options = [{"key": str(key), "value": value} for key, value in enumerate(wish.get("optionsLabels") or [], 1)]
    own[name] = {"internalName": name, "label": label, "attributeTypeName": kind,
                                             "attributeOptions": options, "isRequired": False}  # fmt: skip
    return reply({"id": f"{call.sandbox.brevo.rng.getrandbits(96):024x}"})


ENDPOINTS = [
    Endpoint("GET", "companies", list_companies, SMALL),
    Endpoint("POST", "companies", create, SMALL),
    Endpoint("POST", "companies/import", import_file, SMALL),
    Endpoint("GET", "companies/{id}", get, SMALL),
    Endpoint("PATCH", "companies/{id}", change, SMALL),
    Endpoint("DELETE", "companies/{id}", delete, SMALL),
    Endpoint("PATCH", "companies/link-unlink/{id}", link, SMALL),
    Endpoint("GET", "crm/attributes/companies", list_attributes, SMALL),
    Endpoint("POST", "crm/attributes", create_attribute, SMALL),
]
