"""The `include_fields` values: counts and last/next activity, worked out when asked for."""

from __future__ import annotations

from typing import Any

from sandbox.http import Record
from sandbox.pipedrive.model import Company

LINK = {"person": "person_id", "organization": "org_id", "deal": "deal_id"}
STATUSES = {"open": ("open",), "won": ("won",), "lost": ("lost",), "closed": ("won", "lost")}


def value(company: Company, kind: str, row: Record, name: str) -> Any:
    if name in row:
        return row[name]
    if name.endswith("_deals_count"):
        return _deals(company, kind, row, name.removesuffix("_deals_count"))
    if name.endswith("activities_count"):
        return len(_activities(company, kind, row, name.removesuffix("activities_count").rstrip("_")))
    if name in ("next_activity_id", "last_activity_id"):
        return _activity_id(company, kind, row, name)
    if name == "notes_count":
        return sum(note["active_flag"] for note in company.tables["note"].where(LINK[kind], row["id"]))
    if name == "people_count":
        return len(company.tables["person"].where("org_id", row["id"]))
    if name == "followers_count":
        return len(company.followers.get((kind, row["id"]), ()))
    if name == "smart_bcc_email":
        return f"{company.domain}+{kind}{row['id']}@pipedrivemail.example"
    if name == "participants_count":
        return 1 if row.get("person_id") else 0
    return 0 if name.endswith("_count") else None


def _deals(company: Company, kind: str, row: Record, what: str) -> int:
    status = what.rpartition("_")[2]
    if what.startswith(("related_", "participant_")):
        return 0
    deals = company.tables["deal"].where(LINK[kind], row["id"])
    return sum(deal["status"] in STATUSES[status] for deal in deals)


def _activities(company: Company, kind: str, row: Record, which: str = "") -> list[Record]:
    found = company.tables["activity"].where(LINK[kind], row["id"])
    return [item for item in found if not which or item["done"] == (which == "done")]


def _activity_id(company: Company, kind: str, row: Record, name: str) -> int | None:
    done = name == "last_activity_id"
    found = [item for item in _activities(company, kind, row) if item["done"] == done]
    if not found:
        return None
    pick = max if done else min
    chosen = pick(found, key=lambda item: (item["due_date"] or "9999", item["id"]))
    return int(chosen["id"])
