"""When a target means what the mapping says: by the kind of field, and in the vendor's own formatting."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from integration.connectors.base import FieldSpec, Formatting, Option
from integration.engine.mapping.alike import alike

CHOICES = (Option("1", "Red"), Option("2", "Dark blue"), Option("true", "Yes"))
PLAIN = Formatting()
CUTS, ROUNDS, PHONES = Formatting(longest=5), Formatting(decimals=2), Formatting(phone_digits=True)
LOWERS = Formatting(ignores_case=frozenset({"email"}))


def are_alike(kind, ours, theirs, formatting=PLAIN, *, key="x", zone=UTC):
    spec = FieldSpec(key, "X", kind, CHOICES if kind in ("option", "options") else ())
    return alike(ours, theirs, spec, formatting, zone)


@pytest.mark.parametrize(
    ("kind", "ours", "theirs"),
    [
        ("text", None, ""),
        ("text", "  ", None),
        ("text", "\0", None),
        ("options", [], None),
        ("text", " Ada  Lovelace ", "Ada Lovelace"),
        ("text", "Ada\r\nLovelace", "Ada\nLovelace"),
        ("text", "Zo\u00eb", "Zoe\u0308"),
        ("text", "Ada\0", "Ada"),
        ("text", 5, "5"),
        ("text", 5.0, "5"),
        ("text", True, "true"),
        ("text", "10:00", "10:00:00"),
        ("number", 5, "5.0"),
        ("number", 0.1 + 0.2, 0.3),
        ("money", "12.50", 12.5),
        ("integer", 7, "7"),
        ("boolean", True, "true"),
        ("boolean", False, "0"),
        ("boolean", "Yes", True),
        ("date", "2026-01-31", "2026-01-31 00:00:00"),
        ("date", "2026-01-31", "2026-01-31T00:00:00.000Z"),
        ("date", "2026-01-31", "1769817600000"),
        ("datetime", "2026-01-31T10:00:00+01:00", "2026-01-31T09:00:00.123Z"),
        ("email", "Ada@EXAMPLE.com", "Ada@example.com"),
        ("option", "1", 1),
        ("option", "Red", "1"),
        ("option", True, "true"),
        ("options", ["1", "2"], ["2", "1"]),
        ("options", ["1", "2"], "2;1"),
        ("options", ["1", "2"], "Dark blue, Red"),
        ("money", {"value": 5, "currency": "EUR"}, {"value": 5.0, "currency": "EUR", "label": "5 €"}),
        ("json", "Street 1", {"value": "Street 1", "locality": "Wien"}),
        ("phone", "+43 1 5550100", "+43 1 5550100"),
    ],
)
def test_the_same_in_other_letters_is_alike(kind, ours, theirs):
    assert are_alike(kind, ours, theirs)


@pytest.mark.parametrize(
    ("kind", "ours", "theirs"),
    [
        ("text", "Ada", None),
        ("text", None, "Ada"),
        ("text", "Ada", "ada"),
        ("text", "AdaLovelace", "Ada Lovelace"),
        ("text", "Adalbert", "Adalb"),
        ("number", 0, None),
        ("number", 5, 5.01),
        ("number", 5, "five"),
        ("boolean", False, None),
        ("boolean", True, "no"),
        ("date", "2026-01-31", "2026-02-01"),
        ("option", "1", "2"),
        ("options", ["1", "2"], "1"),
        ("options", ["1"], "1;2"),
        ("money", {"value": 5, "currency": "EUR"}, {"value": 5, "currency": "USD"}),
        ("json", "Street 1", {"value": "Street 2"}),
        ("phone", "+43 1 5550100", "4315550100"),
        ("email", "ada@example.com", "Ada@example.com"),
    ],
)
def test_another_value_is_a_difference(kind, ours, theirs):
    assert not are_alike(kind, ours, theirs)


@pytest.mark.parametrize(
    ("kind", "formatting", "ours", "theirs", "other"),
    [
        ("text", CUTS, "Lovelace", "Lovel", "Lovex"),
        ("text", CUTS, "Ada Lovelace", "Ada L", "Ada"),
        ("number", ROUNDS, 1.005, 1.01, 1.02),
        ("phone", PHONES, "+43 (1) 555-0100", "4315550100", "4315550101"),
        ("phone", PHONES, "+44 (0)20 7946 0958", "442079460958", "44"),
        ("phone", PHONES, "0043 1 5550100", "4315550100", "0100"),
        ("phone", PHONES, "none", "none", "nobody"),
    ],
)
def test_what_a_vendor_makes_of_a_value_is_no_difference(kind, formatting, ours, theirs, other):
    assert are_alike(kind, ours, theirs, formatting)
    assert not are_alike(kind, ours, other, formatting)


@pytest.mark.parametrize("kind", ["text", "email"])
def test_letters_are_lowered_in_the_named_fields_alone(kind):
    assert are_alike(kind, "Ada@Example.com", "ada@example.com", LOWERS, key="email")
    assert not are_alike(kind, "Ada@Example.com", "ada@example.com", LOWERS, key="other")


def test_a_day_is_one_of_the_account():
    vienna = ZoneInfo("Europe/Vienna")

    assert are_alike("date", "2026-02-01", "2026-01-31T23:30:00Z", zone=vienna)
    assert not are_alike("date", "2026-02-01", "2026-01-31T23:30:00Z")
