"""Deals of the Sales CRM, their links, and the pipelines they move through. There is no external id.

Vendor docs (read 2026-11-30): developers.brevo.com/reference/get-all-deals, create-a-deal, update-a-deal,
get-all-pipelines, get-deal-attributes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from starlette.responses import Response

from sandbox.brevo.api import SMALL, Call, Endpoint, empty, error, moment, number
from sandbox.brevo.companies import given
from sandbox.brevo.model import Deal
from sandbox.http import Record, reply

BUILT_IN = {
    "deal_name": "text", "deal_owner": "user", "pipeline": "text", "deal_stage": "text", "amount": "number",
    "close_date": "date", "created_at": "date", "last_updated_date": "date",
}  # fmt: skip
READ_ONLY = ("created_at", "last_updated_date")
FIELDS = ("name", "attributes", "linkedContactsIds", "linkedCompaniesIds")
PAGE, LARGEST_PAGE = 50, 1000
PIPELINES: list[Record] = [
    {"pipeline": "6093d296ad1e9c5cf2140a58", "pipeline_name": "Sales Pipeline", "stages": [
        {"id": "3a1b2c4d-0001", "name": "New"}, {"id": "3a1b2c4d-0002", "name": "Qualifying"},
        {"id": "3a1b2c4d-0003", "name": "Won"}, {"id": "3a1b2c4d-0004", "name": "Lost"},
    ]},
]  # fmt: skip


def create(call: Call) -> Response:
    wish = _checked(call)
    if not wish.get("name"):
        error(400, "missing_parameter", "name is missing")
    first = PIPELINES[0]
    start = {"pipeline": first["pipeline"], "deal_stage": first["stages"][0]["id"], "created_at": call.now()}
    made = Deal(f"{call.sandbox.brevo.rng.getrandbits(96):024x}", dict(start))
    call.account.deals[made.id] = made
    _apply(call, made, wish)
    return reply({"id": made.id}, 201)


def _apply(call: Call, deal: Deal, wish: Record) -> None:
    deal.attributes |= given(call, wish, BUILT_IN, call.account.deal_attributes)
    deal.attributes |= {"deal_name": wish["name"]} if wish.get("name") else {}
    deal.attributes["last_updated_date"] = call.now()
    deal.contacts = list(wish.get("linkedContactsIds", deal.contacts))
    deal.companies = list(wish.get("linkedCompaniesIds", deal.companies))


def _checked(call: Call) -> Record:
    wish = call.body()
    for name in wish.keys() - set(FIELDS):
        error(400, "invalid_parameter", f"{name} is not valid")
    attributes = wish.get("attributes") or {}
    amount = attributes.get("amount")
    if amount not in (None, "") and (isinstance(amount, bool) or not isinstance(amount, int | float)):
        error(400, "invalid_parameter", "amount is not a number")
    _check_stage(call, attributes)
    if any(item not in call.account.contacts for item in wish.get("linkedContactsIds") or []):
        error(400, "invalid_parameter", "Contact does not exist")
    if any(item not in call.account.companies for item in wish.get("linkedCompaniesIds") or []):
        error(400, "invalid_parameter", "Company does not exist")
    return wish


def _check_stage(call: Call, attributes: Record) -> None:
    """A stage is one of its pipeline's; the documents say to send both."""
    stage, pipeline = attributes.get("deal_stage"), attributes.get("pipeline")
    if stage and not pipeline and "brevo.stage_alone" not in call.sandbox.thrown:
        error(400, "missing_parameter", "pipeline is missing")
    known = [row for row in PIPELINES if pipeline in (None, "", row["pipeline"])]
    if not known or (stage and stage not in [item["id"] for row in known for item in row["stages"]]):
        error(400, "invalid_parameter", "pipeline or deal_stage is not valid")


def list_deals(call: Call) -> Response:
    """The newest first unless told otherwise; without any, null."""
    rows = list(call.account.deals.values())
    if name := call.query.get("filters[attributes.deal_name]"):
        rows = [row for row in rows if row.attributes.get("deal_name") == name]
    if since := moment(call, "modifiedSince"):
        rows = [row for row in rows if datetime.fromisoformat(row.attributes["last_updated_date"]) >= since]
    if call.query.get("sort", "desc") != "asc":
        rows.reverse()
    limit, offset = number(call, "limit", PAGE, LARGEST_PAGE), number(call, "offset", 0)
    if "brevo.deals_page" not in call.sandbox.thrown:
        limit = min(limit, PAGE)
    shown = [_shown(row) for row in rows[offset : offset + limit]]
    return reply({"items": shown or (None if "brevo.no_deals" not in call.sandbox.thrown else [])})


def get(call: Call) -> Response:
    return reply(_shown(_deal(call)))


def change(call: Call) -> Response:
    deal = _deal(call)
    _apply(call, deal, _checked(call))
    return empty()


def delete(call: Call) -> Response:
    del call.account.deals[_deal(call).id]
    return empty()


def link(call: Call) -> Response:
    deal, wish = _deal(call), call.body()
    contacts, companies = wish.get("linkContactIds") or [], wish.get("linkCompanyIds") or []
    if any(item not in call.account.contacts for item in contacts):
        error(400, "invalid_parameter", "Contact does not exist")
    if any(item not in call.account.companies for item in companies):
        error(400, "invalid_parameter", "Company does not exist")
    deal.contacts = _linked(deal.contacts, contacts, wish.get("unlinkContactIds") or [])
    deal.companies = _linked(deal.companies, companies, wish.get("unlinkCompanyIds") or [])
    return empty()


def _linked(rows: list[Any], add: list[Any], gone: list[Any]) -> list[Any]:
    return [item for item in dict.fromkeys([*rows, *add]) if item not in gone]


def _deal(call: Call) -> Deal:
    return call.account.deals.get(call.params["id"]) or error(404, "document_not_found", "Deal not found")


def _shown(row: Deal) -> Record:
    return {"id": row.id, "attributes": row.attributes, "linkedContactsIds": row.contacts,
            "linkedCompaniesIds": row.companies}  # fmt: skip


def list_attributes(call: Call) -> Response:
    built_in = [{"internalName": name, "label": name.replace("_", " ").capitalize(), "attributeTypeName": kind,
                 "attributeOptions": [], "isRequired": name == "deal_name", "isValueReadonly": name in READ_ONLY}
                for name, kind in BUILT_IN.items()]  # fmt: skip
    return reply([*built_in, *call.account.deal_attributes.values()])


def list_pipelines(call: Call) -> Response:
    return reply(PIPELINES)


ENDPOINTS = [
    Endpoint("GET", "crm/deals", list_deals, SMALL),
    Endpoint("POST", "crm/deals", create, SMALL),
    Endpoint("GET", "crm/deals/{id}", get, SMALL),
    Endpoint("PATCH", "crm/deals/{id}", change, SMALL),
    Endpoint("DELETE", "crm/deals/{id}", delete, SMALL),
    Endpoint("PATCH", "crm/deals/link-unlink/{id}", link, SMALL),
    Endpoint("GET", "crm/attributes/deals", list_attributes, SMALL),
    Endpoint("GET", "crm/pipeline/details/all", list_pipelines, SMALL),
]
