"""What a vendor makes of values by itself, as its connector declares it: read back, they are what was written."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import pytest

from integration.connectors.base import FieldSpec, Option
from integration.connectors.objects import Access, Draft, walk
from integration.engine.mapping.alike import alike
from sandbox.thread import SandboxThread
from tests.support.object_conformance import Trial

DAY, PHONE, LONG = "2026-01-31", "+43 (1) 555-0100", "x" * 300
NOON = f"{DAY} 12:00:00"


class Written(NamedTuple):
    """A record of one object: values by field key, and new fields by label: kind, value."""

    object: str
    values: dict[str, Any]
    own: dict[str, tuple[str, Any]]


WRITTEN = {
    "pipedrive": Written(
        "person", {"name": "Ada", "email": " Ada@example.com ", "phone": f" {PHONE} "},
        {"Level": ("option", "Gold"), "Score": ("number", 5.0), "Day": ("date", DAY), "Note": ("text", " a  b ")},
    ),
    "hubspot": Written(
        "contact", {"email": "Ada@Example.com", "phone": PHONE},
        {"Active": ("boolean", True), "Score": ("number", 5), "Day": ("date", "1769817600000")},
    ),
    "maileon": Written(
        "contact", {"email": "ada@example.com", "FIRSTNAME": LONG, "BIRTHDAY": f"{DAY} 00:00:00"},
        {"Note": ("text", LONG), "Active": ("boolean", True), "Score": ("number", 5), "Day": ("date", NOON)},
    ),
    "brevo": Written(
        "contact", {"email": "Ada@Example.com", "EXT_ID": "x1", "SMS": "+44 (0)20 7946 0958"},
        {"DAY": ("date", f"{DAY}T10:00:00Z"), "SCORE": ("number", "5"), "ACTIVE": ("boolean", True)},
    ),
    "planhat": Written(
        "license", {"sourceId": "s1", "product": "P", "_currency": "EUR", "fromDate": DAY, "mrr": 5.0},
        {"Score": ("number", 5.0), "Day": ("date", DAY)},
    ),
}  # fmt: skip
LEVELS = (Option("", "Silver"), Option("", "Gold"))


class Case:
    """A trial with fields of its own, and the value that each field was given."""

    def __init__(self, vendor: str, sandbox: SandboxThread) -> None:
        written = WRITTEN[vendor]
        objects = import_module(f"tests.integration.connectors.{vendor}.test_objects").OBJECTS
        self.trial = trial = Trial(objects, written.object, sandbox)
        self.values = dict(written.values)
        for label, (kind, value) in written.own.items():
            options = LEVELS if kind == "option" else ()
            key = label.lower() if vendor == "hubspot" else label
            made = trial.connector.create_field(trial.client, written.object, FieldSpec(key, label, kind, options))
            self.values[made.key] = next((one.key for one in made.options if one.label == value), value)
        fields = trial.connector.fields(trial.client, written.object)
        self.specs = {spec.key: spec for spec in fields}
        trial.access = Access(trial.client, fields, trial.access.place)

    def write(self) -> dict[str, Any]:
        """Write the record; return what the list has of it."""
        trial = self.trial
        draft = Draft(self.values, link=trial.links)
        if trial.api.create:
            [outcome] = trial.api.create(trial.access, [draft])
        else:
            assert trial.api.upsert is not None
            [outcome] = trial.api.upsert(trial.access, trial.api.upsert_keys[0], [draft])
        assert outcome.problem is None, outcome.problem.public
        assert trial.api.common is not None
        rows = [trial.api.common(trial.access, row) for row in walk(trial.api, trial.access)]
        address = str(self.values.get("email", "")).strip().lower()
        [row] = [row for row in rows if row.id == outcome.id or address in [one.lower() for one in row.emails]]
        return dict(row.values)


@pytest.mark.parametrize("vendor", WRITTEN)
def test_what_was_written_is_read_back_alike(vendor: str, sandbox: SandboxThread) -> None:
    case = Case(vendor, sandbox)

    found = case.write()

    assert any(found[key] != value for key, value in case.values.items()), "the vendor has a form of its own"
    formatting = case.trial.connector.formatting
    wrong = {
        key: (value, found[key])
        for key, value in case.values.items()
        if key in case.specs and not alike(value, found[key], case.specs[key], formatting)
    }
    assert wrong == {}
