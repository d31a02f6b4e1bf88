"""What a record must have and what the vendor works out by itself (sheet §5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.http import Record
from sandbox.planhat.model import Account, Model

OWN = frozenset({"_id", "status", "h", "mrr_total", "arr", "createdAt", "updatedAt", "lastUpdated", "companyName"})
RESERVED_TYPES = ("email", "chat", "ticket", "call")


class Wrong(Exception):
    """This record is refused; the text says why."""


def resolved(account: Account, value: Any) -> str:
    """The company a body names: its _id, or its id elsewhere as `srcid-…` or `extid-…` (sheet §3)."""
    found = account.table("company").find(*named(str(value)))
    if found is None:
        raise Wrong(f"company {value} not found")
    return str(found["_id"])


def named(value: str) -> tuple[str, str]:
    """Key and value behind an id of a path or body."""
    for prefix, key in (("srcid-", "sourceId"), ("extid-", "externalId")):
        if value.startswith(prefix):
            return key, value.removeprefix(prefix)
    return "_id", value


def checked(account: Account, model: Model, old: Record | None, wish: Record) -> Record:
    """The record as it would be. Raises Wrong. A null clears, what is absent stays (sheet §3)."""
    given = {key: value for key, value in wish.items() if key not in OWN and key != "custom"}
    if given.get("companyId"):
        given["companyId"] = resolved(account, given["companyId"])
    row = {**(old or {}), **given, "custom": _custom(account, model, old, wish)}
    row = {key: value for key, value in row.items() if value is not None}
    for name in model.required:
        if row.get(name) in (None, ""):
            raise Wrong(f"{name} is required")
    if check := CHECKS.get(model.name):
        check(account, row)
    return row


def _custom(account: Account, model: Model, old: Record | None, wish: Record) -> Record:
    """One level of values by the field's name; names without a field are left out."""
    known = {row["name"]: row for row in account.custom_fields.values() if row["parent"] == model.name}
    given = wish.get("custom") or {}
    if not isinstance(given, dict):
        raise Wrong("custom must be an object")
    for name, value in given.items():
        if name not in known and "planhat.unknown_custom" in account.thrown:
            raise Wrong(f"custom.{name} is not known")
        kind = known[name]["type"] if name in known else ""
        if kind == "number" and value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise Wrong(f"custom.{name} must be a number")
        if kind == "list" and value not in (None, *known[name].get("listValues", ())):
            raise Wrong(f"custom.{name} has no value {value}")
    kept = {name: _stored(known[name]["type"], value) for name, value in given.items() if name in known}
    merged = {**((old or {}).get("custom") or {}), **kept}
    if missing := [row["name"] for row in known.values() if row.get("isMandatory") and not merged.get(row["name"])]:
        raise Wrong(f"custom.{missing[0]} is required")
    return {name: value for name, value in merged.items() if value is not None}


def _stored(kind: str, value: Any) -> Any:
    """A custom day or date as it is kept: a moment in ISO form (sheet §2)."""
    is_day = kind in ("day", "date") and len(str(value)) == len("2026-01-31")
    return f"{value}T00:00:00.000Z" if is_day else value


def _enduser(account: Account, row: Record) -> None:
    if "planhat.email_optional" not in account.thrown and not row.get("email"):
        raise Wrong("email is required")
    if not any(row.get(key) for key in ("email", "externalId", "sourceId")):
        raise Wrong("email, externalId or sourceId is required")
    if row.get("email") and "@" not in str(row["email"]):
        raise Wrong("email is invalid")
    row["name"] = " ".join(filter(None, (row.get("firstName"), row.get("lastName")))) or row.get("email", "")


def _license(account: Account, row: Record) -> None:
    if row.get("fixedPeriod"):
        if not row.get("toDate"):
            raise Wrong("toDate is required for a fixed period")
        if not row.get("mrr") and not _positive(row.get("value")):
            raise Wrong("value must be positive")
    elif not _positive(row.get("mrr")):
        raise Wrong("mrr is required")


def _sale(account: Account, row: Record) -> None:
    if not _positive(row["value"]):
        raise Wrong("value must be positive")


def _conversation(account: Account, row: Record) -> None:
    if row["type"] in RESERVED_TYPES:
        raise Wrong(f"type {row['type']} is reserved")
    row["type"] = "note"  # an unknown type falls back to it (sheet §5)


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


CHECKS: dict[str, Callable[[Account, Record], None]] = {
    "enduser": _enduser,
    "license": _license,
    "sale": _sale,
    "conversation": _conversation,
}


def shown(account: Account, model: Model, row: Record) -> Record:
    """A record as the vendor answers it: owners and currencies come back as objects (sheet §5)."""
    found = {**row}
    if model.name == "company":
        found |= _derived(account, row)
        if owner := account.table("user").rows.get(str(row.get("owner"))):
            found["owner"] = {"_id": owner["_id"], "nickName": owner["nickName"]}
    if model.name == "license":
        found["_currency"] = {"_id": f"cur-{row['_currency']}", "symbol": row["_currency"], "rate": 1, "isBase": True}
    return found


def _derived(account: Account, row: Record) -> Record:
    licenses = [item for item in account.table("license").rows.values() if item["companyId"] == row["_id"]]
    people = [item for item in account.table("enduser").rows.values() if item["companyId"] == row["_id"]]
    domains = sorted({str(item["email"]).rpartition("@")[2] for item in people if item.get("email")})
    return {"status": "customer" if licenses else "prospect", "domains": domains,
            "mrr": sum(item.get("mrr") or 0 for item in licenses)}  # fmt: skip
