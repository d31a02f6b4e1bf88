"""What companies and deals are made of: their properties, what a new one needs, the pipeline of deals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sandbox.http import Record
from sandbox.hubspot.api import Call, problem, refuse
from sandbox.hubspot.model import Values
from sandbox.hubspot.schema import definition, options
from sandbox.hubspot.values import DEAL_STAGES as STAGES

READ_ONLY = ("createdate", "hs_lastmodifieddate", "hs_object_id")


@dataclass(frozen=True)
class Kind:
    """One kind of records beside contacts. `check` refuses what a new one must not be without."""

    path: str
    group: str
    texts: Mapping[str, str]
    default_read: tuple[str, ...]
    check: Callable[[Call, Values], None]
    numbers: Mapping[str, str] = field(default_factory=dict)
    start: Values = field(default_factory=dict)


def _check_company(call: Call, wish: Values) -> None:
    """By the guide a company needs a name or a domain; whether the API minds a domain that is taken is open."""
    if not wish.get("name") and not wish.get("domain"):
        refuse(400, "A company needs a name or a domain")
    taken = [row for row in call.portal.crm["companies"].values() if not row.archived]
    same = next((row for row in taken if wish.get("domain") and row.values.get("domain") == wish["domain"]), None)
    if same is not None and "hubspot.company_domain" in call.sandbox.thrown:
        refuse(409, f"Company already exists. Existing ID: {same.id}", "CONFLICT")


def _check_deal(call: Call, wish: Values) -> None:
    for name in ("dealname", "dealstage"):
        if not wish.get(name) and (name == "dealname" or "hubspot.deal_stage" not in call.sandbox.thrown):
            refuse(400, f"Missing required property: {name}", errors=[problem(name, "MISSING_REQUIRED_PROPERTY")])


KINDS = {
    kind.path: kind
    for kind in (
        Kind(
            "companies", "companyinformation",
            {"name": "Company name", "domain": "Company Domain Name", "phone": "Phone Number", "city": "City",
             "country": "Country/Region", "industry": "Industry", "website": "Website URL"},
            ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"), _check_company,
            {"numberofemployees": "Number of Employees", "annualrevenue": "Annual Revenue"},
        ),
        Kind(
            "deals", "dealinformation", {"dealname": "Deal Name", "description": "Deal Description"},
            ("amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id",
             "pipeline"), _check_deal, {"amount": "Amount"},
            {"pipeline": "default", "dealstage": STAGES[0][0]},
        ),
    )
}  # fmt: skip


def standard_properties(kind: Kind, now: str) -> dict[str, Record]:
    """The properties a portal has of this kind from the start."""
    made = [definition(name, label, "string", "text") for name, label in kind.texts.items()]
    made += [definition(name, label, "number", "number") for name, label in kind.numbers.items()]
    made += [definition(name, name, "datetime", "date") for name in ("createdate", "hs_lastmodifieddate")]
    made += [definition("hs_object_id", "Record ID", "number", "number")]
    owner = definition("hubspot_owner_id", "Owner", "enumeration", "select")
    made.append(owner | {"referencedObjectType": "OWNER"})
    if kind.path == "deals":
        made += [definition("closedate", "Close Date", "datetime", "date")]
        made += [definition("dealstage", "Deal Stage", "enumeration", "radio")]
        made += [definition("pipeline", "Pipeline", "enumeration", "select", options((("default", "Sales Pipeline"),)))]
    for item in made:
        item |= {"groupName": kind.group, "createdAt": now, "updatedAt": now}
        item["modificationMetadata"] = item["modificationMetadata"] | {"readOnlyValue": item["name"] in READ_ONLY}
    return {item["name"]: item for item in made}


def pipelines() -> list[Record]:
    stages = [
        {"id": key, "label": label, "displayOrder": order, "archived": False, "metadata": {"probability": "0.5"}}
        for order, (key, label) in enumerate(STAGES)
    ]
    return [{"id": "default", "label": "Sales Pipeline", "displayOrder": 0, "archived": False, "stages": stages}]
