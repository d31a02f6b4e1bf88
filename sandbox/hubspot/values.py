"""Checking and storing property values: all are texts, wrong ones are refused together, a backward stage is ignored."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sandbox.http import Record
from sandbox.hubspot import stages
from sandbox.hubspot.model import Contact, Portal, Values

ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,24}", re.IGNORECASE)
LONGEST = 65_536
DEAL_STAGES = (
    ("appointmentscheduled", "Appointment Scheduled"), ("qualifiedtobuy", "Qualified To Buy"),
    ("contractsent", "Contract Sent"), ("closedwon", "Closed Won"), ("closedlost", "Closed Lost"),
)  # fmt: skip


def checked(portal: Portal, wish: Any, definitions: dict[str, Record] | None = None) -> tuple[Values, list[Record]]:
    """Return the values as they would be stored, and what is wrong with them. `definitions`: the contacts' if none."""
    known_properties = portal.properties if definitions is None else definitions
    if not isinstance(wish, dict):
        return {}, [_error("properties", "properties must be an object", "INVALID_FORMAT")]
    values: Values = {}
    errors: list[Record] = []
    for name, given in wish.items():
        definition = known_properties.get(name)
        if definition is None:
            errors.append(_error(name, f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST"))
        elif definition["modificationMetadata"]["readOnlyValue"]:
            errors.append(_error(name, f'"{name}" is a read only property', "READ_ONLY_VALUE"))
        else:
            text = _text(given)
            words, code = _wrong(definition, text)
            if code:
                errors.append(_error(name, words, code))
            values[name] = _stored(definition, text)
    return values, errors


def _text(given: Any) -> str:
    if given is None:
        return ""
    return ("true" if given else "false") if isinstance(given, bool) else str(given)


def _stored(definition: Record, text: str) -> str | None:
    if text == "":
        return None
    if definition["name"] == "email":
        return text.strip().lower()
    if definition["type"] == "date" and (text.lstrip("-").isdigit()):
        return datetime.fromtimestamp(int(text) / 1000, UTC).date().isoformat()
    return text


def _wrong(definition: Record, text: str) -> tuple[str, str]:
    kind = definition["type"]
    if text == "":
        return "", ""
    if definition["name"] == "email" and not ADDRESS.fullmatch(text.strip()):
        return f"Email address {text} is invalid", "INVALID_EMAIL"
    if kind == "enumeration":
        known = {option["value"] for option in definition["options"]} or _elsewhere(definition, text)
        parts = text.strip(";").split(";") if definition["fieldType"] == "checkbox" else [text]
        if bad := [part for part in parts if part not in known]:
            return f"{bad[0]} was not one of the allowed options: {sorted(known)}", "INVALID_OPTION"
    if kind == "bool" and text not in ("true", "false"):
        return f"{text} was not a valid boolean", "INVALID_BOOLEAN"
    if kind == "number" and not re.fullmatch(r"-?\d+(\.\d+)?", text):
        return f"{text} was not a valid number", "INVALID_INTEGER"
    if kind in ("date", "datetime") and not _is_moment(text, kind):
        return f"{text} was not a valid {kind}", "INVALID_DATE"
    if len(text) > LONGEST:
        return "the value is too long", "INVALID_LENGTH"
    return "", ""


def _elsewhere(definition: Record, text: str) -> set[str]:
    """Choices that the property does not list: owners, and stages where pipelines tell them."""
    if definition["name"] == "dealstage":
        return {key for key, _ in DEAL_STAGES}
    return {text} if definition.get("referencedObjectType") and text.isdigit() else set()


def _is_moment(text: str, kind: str) -> bool:
    if text.lstrip("-").isdigit():
        return kind == "datetime" or int(text) % 86_400_000 == 0
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return kind == "datetime" or len(text) == len("2026-01-31")


def _error(name: str, message: str, code: str) -> Record:
    return {"isValid": False, "message": message, "error": code, "name": name}


def store(portal: Portal, contact: Contact, values: Values, now: datetime, source: tuple[str, str]) -> Values:
    """Put values into a contact and return those that really changed."""
    changed: Values = {}
    for name, value in values.items():
        present = contact.values.get(name)
        if value == present:
            continue
        if name == stages.PROPERTY and not stages.allowed(portal, present, value or ""):
            continue  # success is answered, and the stage simply stays
        contact.values[name] = changed[name] = value
        entry = {"value": value or "", "timestamp": now.isoformat(), "sourceType": source[0], "sourceId": source[1]}
        contact.history.setdefault(name, []).insert(0, entry)
    if changed:
        contact.updated = now
    return changed
