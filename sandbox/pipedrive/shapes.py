"""How a record looks outside REST v2: in webhooks 2.0 and as a v1 object (v1 answers and webhooks 1.0)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.http import Record
from sandbox.pipedrive.fields import v1_values, webhook_value
from sandbox.pipedrive.model import Company, User


def webhook_data(company: Company, kind: str, row: Record) -> Record:
    data = _WEBHOOK[kind](row)
    if "custom_fields" in row:
        data["custom_fields"] = webhook_custom(company, kind, row["custom_fields"])
    return data


def webhook_custom(company: Company, kind: str, values: Record) -> Record:
    """Return typed custom values; empty ones are null or absent."""
    definitions = company.fields["deal" if kind == "lead" else kind] if kind not in ("activity",) else {}
    typed = {code: webhook_value(definitions[code], value) for code, value in values.items() if code in definitions}
    if "pipedrive.empty_custom" not in company.thrown:
        empty: Record = {code: None for code, item in definitions.items() if item.custom}
        return empty | typed
    return typed


def _pick(row: Record, *keys: str) -> Record:
    return {key: row.get(key) for key in keys}


def _contact_base(row: Record) -> Record:
    label = (row.get("label_ids") or [None])[0]
    base = _pick(row, "id", "name", "owner_id", "add_time", "update_time", "picture_id")
    return base | {"label": label, "visible_to": str(row["visible_to"])}


def _person(row: Record) -> Record:
    return _contact_base(row) | _pick(row, "first_name", "last_name", "org_id", "emails", "phones")


def _organization(row: Record) -> Record:
    return _contact_base(row) | {"address": row.get("address"), "country_code": row.get("country_code")}


def _deal(row: Record) -> Record:
    keys = (
        "add_time channel channel_id close_time creator_user_id currency expected_close_date first_won_time id "
        "label_ids lost_reason lost_time org_id origin origin_id owner_id person_id pipeline_id probability "
        "stage_change_time stage_id status title update_time value won_time"
    )
    return _pick(row, *keys.split()) | {"visible_to": str(row["visible_to"])}


def _lead(row: Record) -> Record:
    keys = (
        "add_time channel channel_id creator_id expected_close_date id is_archived label_ids next_activity_id "
        "organization_id origin origin_id owner_id person_id source_name title update_time was_seen value"
    )
    return _pick(row, *keys.split())


def _activity(row: Record) -> Record:
    keys = (
        "add_time deal_id done due_date id lead_id location org_id owner_id person_id public_description subject "
        "type update_time"
    )
    flags = {"active_flag": not row["is_deleted"], "busy_flag": row["busy"], "update_user_id": row["owner_id"]}
    times = {key: _zoned(row[key]) for key in ("due_time", "duration")}
    return _pick(row, *keys.split()) | flags | times


def _zoned(value: str | None) -> Record | None:
    return None if value is None else {"timezone_id": None, "value": value}


def _note(row: Record) -> Record:
    keys = (
        "id user_id deal_id person_id org_id lead_id project_id active_flag content add_time update_time "
        "pinned_to_deal_flag pinned_to_person_flag pinned_to_organization_flag"
    )
    return _pick(row, *keys.split())


def _pipeline(row: Record) -> Record:
    flags = {"active_flag": not row["is_deleted"], "deal_probability": row["is_deal_probability_enabled"]}
    base = _pick(row, "id", "name", "order_nr", "add_time", "update_time")
    return base | flags | {"url_title": row["name"].lower().replace(" ", "-")}


def _stage(row: Record) -> Record:
    rot = {"rotten_flag": row["is_deal_rot_enabled"], "rotten_days": row["days_to_rotten"]}
    base = _pick(row, "id", "name", "order_nr", "deal_probability", "pipeline_id", "add_time", "update_time")
    return base | rot | {"active_flag": not row["is_deleted"]}


_WEBHOOK: dict[str, Callable[[Record], Record]] = {
    "person": _person,
    "organization": _organization,
    "deal": _deal,
    "lead": _lead,
    "activity": _activity,
    "note": _note,
    "pipeline": _pipeline,
    "stage": _stage,
}


def v1_object(company: Company, kind: str, row: Record, *, nested: bool) -> Record:
    """Return the v1 form. REST answers nest owner, organization and person; webhooks send bare ids."""
    if kind not in ("person", "organization", "deal"):
        return _WEBHOOK[kind](row)
    data: Record = dict(row)
    for key in ("custom_fields", "emails", "phones", "is_deleted", "creator_user_id", "address"):
        data.pop(key, None)
    for key in ("add_time", "update_time", "won_time", "lost_time", "close_time", "stage_change_time"):
        if data.get(key):
            data[key] = v1_time(data[key])
    data |= {"visible_to": str(row["visible_to"]), "company_id": company.id, "cc_email": None}
    data["label"] = (row.get("label_ids") or [None])[0]
    data |= _V1[kind](company, row, nested)
    return data | v1_values(company.fields[kind], row)


def v1_time(value: str) -> str:
    return value.replace("T", " ").rstrip("Z")


def _v1_person(company: Company, row: Record, nested: bool) -> Record:
    organization = company.tables["organization"].get(row["org_id"])
    return {
        "email": row["emails"] or [{"value": "", "primary": True}],
        "phone": row["phones"] or [{"value": "", "primary": True}],
        "primary_email": next((item["value"] for item in row["emails"] if item["primary"]), None),
        "active_flag": not row["is_deleted"],
        "first_char": row["name"][:1].lower(),
        "owner_id": _owner(company, row, nested),
        "org_id": _linked(organization, nested),
        "org_name": organization["name"] if organization else None,
        "owner_name": company.users[row["owner_id"]].name,
    }


def _v1_organization(company: Company, row: Record, nested: bool) -> Record:
    return {
        "active_flag": not row["is_deleted"],
        "address": (row.get("address") or {}).get("value"),
        "owner_id": _owner(company, row, nested),
        "owner_name": company.users[row["owner_id"]].name,
        "people_count": len(company.tables["person"].where("org_id", row["id"])),
        "first_char": row["name"][:1].lower(),
    }


def _v1_deal(company: Company, row: Record, nested: bool) -> Record:
    person = company.tables["person"].get(row["person_id"])
    organization = company.tables["organization"].get(row["org_id"])
    return {
        "user_id": _owner(company, row, nested),
        "creator_user_id": row["creator_user_id"],
        "person_id": _linked(person, nested),
        "org_id": _linked(organization, nested),
        "person_name": person["name"] if person else None,
        "org_name": organization["name"] if organization else None,
        "owner_name": company.users[row["owner_id"]].name,
        "active": row["status"] == "open",
        "deleted": row["is_deleted"],
    }


_V1: dict[str, Callable[[Company, Record, bool], Record]] = {
    "person": _v1_person,
    "organization": _v1_organization,
    "deal": _v1_deal,
}


def _owner(company: Company, row: Record, nested: bool) -> Any:
    owner: User = company.users[row["owner_id"]]
    if not nested:
        return owner.id
    return {"id": owner.id, "name": owner.name, "email": owner.email, "has_pic": 0, "pic_hash": None,
            "active_flag": owner.active, "value": owner.id}  # fmt: skip


def _linked(row: Record | None, nested: bool) -> Any:
    if row is None:
        return None
    return {"name": row["name"], "value": row["id"]} if nested else row["id"]
