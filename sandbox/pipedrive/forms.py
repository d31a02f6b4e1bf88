"""Edit forms of the web page: inputs of a record, and reading them back into an API body."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from sandbox.forms import Input
from sandbox.http import Record
from sandbox.pipedrive.fields import TEXT_TYPES, Field
from sandbox.pipedrive.kinds import Kind
from sandbox.pipedrive.model import Company

MAX_CHOICES = 200
NUMBERS = {"owner_id", "org_id", "person_id", "stage_id"}
PLAIN: dict[str, tuple[tuple[str, str], ...]] = {
    "person": (("name", "Name"), ("emails", "E-mail"), ("phones", "Phone"), ("org_id", "Organization")),
    "organization": (("name", "Name"), ("address", "Address"), ("website", "Website")),
    "deal": (("title", "Title"), ("value", "Value"), ("currency", "Currency"), ("status", "Status"),
             ("stage_id", "Stage"), ("person_id", "Person"), ("org_id", "Organization"),
             ("expected_close_date", "Expected close date"), ("lost_reason", "Lost reason")),
}  # fmt: skip
FORM_TYPES = (*TEXT_TYPES, "double", "enum", "set", "date", "user", "org", "people")


def inputs(company: Company, kind: Kind, row: Record | None) -> list[Input]:
    """The inputs of a record; of a new one (None) those that its dialog shows."""
    adding, row = row is None, row or {"custom_fields": {}}
    made = [_plain(company, name, label, row) for name, label in PLAIN[kind.name]]
    custom = (item for item in company.fields[kind.name].values() if item.custom and item.type in FORM_TYPES)
    shown = (item for item in custom if item.add_visible or not adding)
    return made + [_custom(item, row["custom_fields"].get(item.code)) for item in shown]


def _plain(company: Company, name: str, label: str, row: Record) -> Input:
    value = row.get(name)
    if name in ("emails", "phones"):
        return Input(name, label, value[0]["value"] if value else "", "email" if name == "emails" else "text")
    if name == "address":
        return Input(name, label, (value or {}).get("value", ""))
    if name == "status":
        return Input(name, label, value or "open", "select", [(item, item) for item in ("open", "won", "lost")])
    if name in NUMBERS:
        return Input(name, label, value or "", "select", _choices(company, name, value))
    kinds = {"value": "number", "expected_close_date": "date"}
    return Input(name, label, "" if value is None else value, kinds.get(name, "text"))


def _choices(company: Company, name: str, value: Any) -> list[tuple[Any, str]]:
    if name == "stage_id":
        return [(row["id"], row["name"]) for row in company.tables["stage"].living()]
    table = company.tables["organization" if name == "org_id" else "person"]
    chosen = table.get(value)
    rows = [row for row, _ in zip(table.living(), range(MAX_CHOICES), strict=False)]
    if chosen is not None and chosen not in rows:
        rows.append(chosen)
    return [("", "–"), *((row["id"], f"{row['name']} ({row['id']})") for row in rows)]


def _custom(item: Field, value: Any) -> Input:
    name, options = f"custom:{item.code}", [(option["id"], option["label"]) for option in item.options or ()]
    if item.type == "enum":
        return Input(name, item.name, value or "", "select", [("", "–"), *options])
    if item.type == "set":
        return Input(name, item.name, value or [], "multiple", options)
    kind = {"double": "number", "date": "date"}.get(item.type, "text")
    return Input(name, item.name, "" if value is None else value, kind)


def read_body(company: Company, kind: Kind, raw: bytes) -> Record:
    """Return the API body of a posted form; empty inputs become null."""
    form = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True)
    body: Record = {}
    for name, _ in PLAIN[kind.name]:
        body |= _read_plain(name, form.get(name, [""])[0].strip())
    if body.get("status") != "lost":
        body.pop("lost_reason", None)
    definitions = company.fields[kind.name].values()
    custom = {item.code: _read_custom(item, form) for item in definitions if item.custom and item.type in FORM_TYPES}
    return body | ({"custom_fields": custom} if custom else {})


def _read_plain(name: str, text: str) -> Record:
    if name in ("emails", "phones"):
        return {name: [{"value": text, "primary": True, "label": "work"}] if text else []}
    if name == "address":
        return {name: {"value": text} if text else None}
    if name == "stage_id":
        return {name: int(text)} if text else {}
    if name in NUMBERS:
        return {name: int(text) if text else None}
    if name == "value":
        return {name: float(text) if text else 0}
    return {name: text} if text or name in ("name", "title") else ({} if name == "currency" else {name: None})


def _read_custom(item: Field, form: dict[str, list[str]]) -> Any:
    values = [value for value in form.get(f"custom:{item.code}", []) if value != ""]
    if not values:
        return None
    if item.type == "set":
        return [int(value) for value in values]
    if item.type in ("enum", "user", "org", "people"):
        return int(values[0])
    return float(values[0]) if item.type == "double" else values[0]
