"""Deals of Brevo's Sales CRM; every call is one of the few per hour.

Vendor docs (read 2026-11-30): developers.brevo.com/reference/get-all-deals, create-a-deal, update-a-deal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from config.json_value import JSONValue, json_objects
from integration.connectors.brevo import bodies
from integration.connectors.brevo.api import OTHER, Api, checked_object, checked_rows, segment, time_text
from integration.connectors.brevo.records import Deal, Page, Pipeline
from integration.connectors.rows import read_each
from integration.errors import ContractError
from integration.http import Effect

PATH = "/crm/deals"
PAGE_SIZE = 50  # the documents name no largest page; this is what Brevo's short lists take
NAME = "deal_name"  # the attribute that a body calls `name`


def page(api: Api, offset: int, limit: int, since: datetime | None = None) -> Page[Deal]:
    """Return one page, oldest deal first; no deals at all are null."""
    params: dict[str, Any] = {"limit": limit, "offset": offset, "sort": "asc"}
    if since is not None:
        params["modifiedSince"] = time_text(since)
    read = read_each(_rows(api, params), bodies.deal)
    count = len(read.records) + len(read.unreadable)
    return Page(read.records, offset + limit if count == limit else None, read.unreadable)


def find(api: Api, name: str) -> list[Deal]:
    """Return the deals of exactly this name."""
    found: list[Deal] = []
    while True:
        query = {f"filters[attributes.{NAME}]": name, "limit": PAGE_SIZE, "offset": len(found), "sort": "asc"}
        rows = _rows(api, query)
        found += map(bodies.deal, rows)
        if len(rows) < PAGE_SIZE:
            return [deal for deal in found if deal.attributes.get(NAME) == name]


def _rows(api: Api, params: Mapping[str, Any]) -> list[dict[str, JSONValue]]:
    items = api.get(OTHER, PATH, params).get("items")
    return checked_rows([] if items is None else items, PATH)


def get(api: Api, deal_id: str) -> Deal:
    """Return one deal. Raises NotFound."""
    return bodies.deal(api.get(OTHER, f"{PATH}/{segment(deal_id)}"))


def create(
    api: Api, attributes: Mapping[str, JSONValue], contact_ids: Sequence[str], company_ids: Sequence[str]
) -> str:
    """Create a deal and return its id. Nothing is unique there: look first."""
    body = _body(attributes)
    body |= {"linkedContactsIds": [int(number) for number in contact_ids]} if contact_ids else {}
    body |= {"linkedCompaniesIds": list(company_ids)} if company_ids else {}
    answer = checked_object(
        api.call(OTHER, "POST", PATH, effect=Effect.WRITE, accepted=b'{"id": "none"}', json=body).json(), "deal"
    )
    if not answer.get("id"):
        raise ContractError("Brevo did not say which deal it created.")
    return str(answer["id"])


def update(api: Api, deal_id: str, attributes: Mapping[str, JSONValue]) -> None:
    """Change a deal. Its links stay: naming them here would replace them all. Raises NotFound."""
    api.call(OTHER, "PATCH", f"{PATH}/{segment(deal_id)}", effect=Effect.WRITE, accepted=b"", json=_body(attributes))


def link(api: Api, deal_id: str, links: Mapping[str, Sequence[str]], unlinks: Mapping[str, Sequence[str]]) -> None:
    """Link contacts and companies to a deal and let others go. Raises NotFound."""
    body = {
        "linkContactIds": [int(key) for key in links.get("contact", ())],
        "unlinkContactIds": [int(key) for key in unlinks.get("contact", ())],
        "linkCompanyIds": list(links.get("company", ())),
        "unlinkCompanyIds": list(unlinks.get("company", ())),
    }
    api.call(OTHER, "PATCH", f"{PATH}/link-unlink/{segment(deal_id)}", effect=Effect.WRITE, accepted=b"", json=body)


def delete(api: Api, deal_id: str) -> None:
    api.call(OTHER, "DELETE", f"{PATH}/{segment(deal_id)}", effect=Effect.WRITE, accepted=b"")


def pipelines(api: Api) -> list[Pipeline]:
    """Return the pipelines with their stages (reference/get-all-pipelines)."""
    rows = checked_rows(api.call(OTHER, "GET", "/crm/pipeline/details/all", effect=Effect.READ).json(), "crm/pipeline")
    return [
        Pipeline(
            str(row.get("pipeline")),
            str(row.get("pipeline_name")),
            {str(stage.get("id")): str(stage.get("name")) for stage in json_objects(row.get("stages"))},
        )
        for row in rows
    ]


def _body(attributes: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    rest = {key: value for key, value in attributes.items() if key != NAME}
    return {"attributes": rest, **({"name": attributes[NAME]} if attributes.get(NAME) else {})}
